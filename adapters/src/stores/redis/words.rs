//! What is wrong with a Redis in plain words, and what to do: one fixed sentence for each kind of error. Nothing of a server's
//! own text is passed on, because it quotes what was asked.

use redis::{ErrorKind, RedisError};

const FULL: &str = "Redis is full (maxmemory): raise the limit or make room";
const NO_PERMISSION: &str = "the Redis user may not run a command or touch a key that the store needs: give it the rights that the guide on replicas lists";
const NO_PASSWORD: &str =
    "Redis wants a password, and the store's address has none: write redis://USER:PASSWORD@HOST:PORT";
const WRONG_PASSWORD: &str = "Redis refuses the user or the password in the store's address: correct them";
const UNKNOWN_COMMAND: &str =
    "Redis does not know a command that the store needs: it is older than 6.2, or the command is disabled";
const NO_DATABASE: &str =
    "Redis has no database of the number at the end of the store's address: correct it or leave it out";
const A_CLUSTER: &str = "this Redis is a node of a Cluster: write redis-cluster:// instead of redis://, without a database's number";
const NO_CLUSTER: &str = "this Redis is no Cluster: write redis:// instead of redis-cluster://";
const NOT_REDIS: &str =
    "what answers at the address is not Redis, or speaks TLS: check the port, or write rediss://";
const NOBODY: &str = "nobody listens at the address: start Redis, or correct host and port";
const NO_HOST: &str =
    "the name of Redis' host cannot be resolved: correct the store's address, or look after DNS";
pub(super) const SILENT: &str = "Redis does not answer in time: look whether it runs, is overloaded or is behind a firewall, and speaks TLS if the address is rediss://";
const CLOSED: &str = "the connection to Redis was closed from the other end: look whether it runs, or whether it wants TLS (rediss://)";
const READ_ONLY: &str = "this Redis is a read-only replica: give the address of its primary";
const NO_DISK: &str =
    "Redis cannot write its data to disk and takes no writes: look after its disk and into its log";
const LOADING: &str = "Redis is loading its data and answers when it is done";
const NO_PRIMARY: &str =
    "this Redis is a replica that has lost its primary: bring the primary back, or promote a replica";
const FEW_REPLICAS: &str =
    "too few replicas follow Redis (min-replicas-to-write) and it takes no writes: bring them back";
const BUSY: &str = "Redis is busy with a long script of somebody: it answers when that has ended";
const NO_ROOM: &str = "Redis has no room for another connection: raise its maxclients";
const CLUSTER_DOWN: &str =
    "the Redis Cluster does not serve all slots: bring the missing node back, or promote its replica";
const MOVING: &str = "the Redis Cluster is moving slots and answers when that is done";
const NO_NODE: &str =
    "no node of the Redis Cluster can be reached that has what is asked for: look after its nodes";
const NO_ADDRESS: &str =
    "the store's address is none: write redis://HOST:PORT, rediss://HOST:PORT or redis-cluster://HOST:PORT";
const REFUSED: &str = "Redis refuses what it was asked: look into its log";
const STRANGE: &str = "Redis answers in an unexpected way: 6.2 or newer is needed, or Valkey";

/// By the first word of what the server says.
const BY_CODE: &[(&str, &str)] = &[
    ("OOM", FULL),
    ("NOPERM", NO_PERMISSION),
    ("NOAUTH", NO_PASSWORD),
    ("WRONGPASS", WRONG_PASSWORD),
    ("READONLY", READ_ONLY),
    ("MISCONF", NO_DISK),
    ("LOADING", LOADING),
    ("MASTERDOWN", NO_PRIMARY),
    ("NOREPLICAS", FEW_REPLICAS),
    ("BUSY", BUSY),
    ("MOVED", A_CLUSTER),
    ("CROSSSLOT", A_CLUSTER),
    ("CLUSTERDOWN", CLUSTER_DOWN),
    ("TRYAGAIN", MOVING),
];

/// By a sign in a general error. An older server wraps what a script met, whose first word is then within the text.
const BY_SIGN: &[(&str, &str)] = &[
    ("-oom ", FULL),
    ("used memory > 'maxmemory'", FULL),
    ("-noperm ", NO_PERMISSION),
    ("can't run this command", NO_PERMISSION),
    ("can't access at least one of the keys", NO_PERMISSION),
    ("-readonly ", READ_ONLY),
    ("-misconf ", NO_DISK),
    ("-noreplicas ", FEW_REPLICAS),
    ("unknown command", UNKNOWN_COMMAND),
    ("unknown redis command", UNKNOWN_COMMAND),
    ("unknown subcommand", UNKNOWN_COMMAND),
    ("db index is out of range", NO_DATABASE),
    ("invalid db index", NO_DATABASE),
    ("select is not allowed in cluster mode", A_CLUSTER),
    ("cluster support disabled", NO_CLUSTER),
    ("max number of clients", NO_ROOM),
];

const STRANGER: &str = "the certificate of Redis is of an authority that is not trusted: name the authority's in network.ca_file";
const MISNAMED: &str = "the certificate of Redis is for another name than the store's address has: write the name that it is for";
const EXPIRED: &str = "the certificate of Redis has expired: renew it";
const UNTRUSTED: &str = "the certificate of Redis cannot be trusted: look into its log";

/// By what the library finds.
const BY_KIND: &[(ErrorKind, &str)] = &[
    (ErrorKind::AuthenticationFailed, WRONG_PASSWORD),
    (ErrorKind::InvalidClientConfig, NO_ADDRESS),
    (ErrorKind::Parse, NOT_REDIS),
    (ErrorKind::ClusterConnectionNotFound, NO_NODE),
];

/// By what TLS calls a certificate that it does not take; of that, the library keeps the words alone.
const BY_CERTIFICATE: &[(&str, &str)] = &[
    ("UnknownIssuer", STRANGER),
    // One that bears the name of a trusted authority.
    ("BadSignature", STRANGER),
    ("NotValidForName", MISNAMED),
    ("not valid for name", MISNAMED),
    ("Expired", EXPIRED),
];

/// Whether the number of the database in the address is none of the server's.
pub(super) fn is_of_database(error: &RedisError) -> bool {
    of(error) == NO_DATABASE
}

/// Whether the server's certificate is not taken.
pub(super) fn is_of_certificate(error: &RedisError) -> bool {
    error.to_string().contains("invalid peer certificate")
}

/// The sentence for an error.
pub(super) fn of(error: &RedisError) -> &'static str {
    if is_of_certificate(error) {
        let text = error.to_string();
        return first(BY_CERTIFICATE, |sign| text.contains(sign)).unwrap_or(UNTRUSTED);
    }
    let kind = error.kind();
    if let Some(words) = first(BY_KIND, |known| *known == kind) {
        return words;
    }
    if matches!(kind, ErrorKind::Server(_) | ErrorKind::Extension) {
        return said(error);
    }
    if kind == ErrorKind::Io { of_io(error) } else { STRANGE }
}

/// What a server said.
fn said(error: &RedisError) -> &'static str {
    let code = error.code().unwrap_or_default();
    if let Some(words) = first(BY_CODE, |known| *known == code) {
        return words;
    }
    let text = error.detail().unwrap_or_default().to_ascii_lowercase();
    first(BY_SIGN, |sign| text.contains(sign)).unwrap_or(REFUSED)
}

/// The words of the first line of a table that fits.
fn first<K>(table: &[(K, &'static str)], fits: impl Fn(&K) -> bool) -> Option<&'static str> {
    table.iter().find(|(key, _)| fits(key)).map(|(_, words)| *words)
}

fn of_io(error: &RedisError) -> &'static str {
    if error.is_connection_refusal() {
        return NOBODY;
    }
    if error.is_timeout() {
        return SILENT;
    }
    // The system's words for this have no kind.
    let text = error.to_string();
    if text.contains("failed to lookup address") || text.contains("No address found") {
        return NO_HOST;
    }
    if error.is_connection_dropped() { CLOSED } else { SILENT }
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, RedisError, Value, parse_redis_value};
    use rstest::rstest;

    use super::*;

    /// What the library makes of a server's line.
    fn error_of(line: &str) -> RedisError {
        match parse_redis_value(format!("-{line}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => error.into(),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case("OOM command not allowed when used memory > 'maxmemory'.", FULL)]
    #[case(
        "ERR Error running script (call to f_1): @user_script:5: @user_script: 5: -OOM command not allowed",
        FULL
    )]
    #[case("NOPERM this user has no permissions to run the 'eval' command", NO_PERMISSION)]
    #[case("ERR The user executing the script can't run this command or subcommand", NO_PERMISSION)]
    #[case("NOAUTH Authentication required.", NO_PASSWORD)]
    #[case("WRONGPASS invalid username-password pair or user is disabled.", WRONG_PASSWORD)]
    #[case("ERR unknown command 'EVALSHA', with args beginning with: ", UNKNOWN_COMMAND)]
    #[case("ERR Unknown Redis command called from script script: 1", UNKNOWN_COMMAND)]
    #[case("ERR DB index is out of range", NO_DATABASE)]
    #[case("ERR SELECT is not allowed in cluster mode", A_CLUSTER)]
    #[case("MOVED 866 127.0.0.1:7001", A_CLUSTER)]
    #[case("CROSSSLOT Keys in request don't hash to the same slot", A_CLUSTER)]
    #[case("ERR This instance has cluster support disabled", NO_CLUSTER)]
    #[case("READONLY You can't write against a read only replica.", READ_ONLY)]
    #[case("MISCONF Redis is configured to save RDB snapshots", NO_DISK)]
    #[case("LOADING Redis is loading the dataset in memory", LOADING)]
    #[case("MASTERDOWN Link with MASTER is down", NO_PRIMARY)]
    #[case("NOREPLICAS Not enough good replicas to write.", FEW_REPLICAS)]
    #[case("BUSY Redis is busy running a script.", BUSY)]
    #[case("CLUSTERDOWN The cluster is down", CLUSTER_DOWN)]
    #[case("TRYAGAIN Multiple keys request during rehashing of slot", MOVING)]
    #[case("ERR max number of clients reached", NO_ROOM)]
    #[case("ERR secret words of the server", REFUSED)]
    #[case("WEIRD secret words of the server", REFUSED)]
    fn what_a_server_says_is_one_sentence(#[case] line: &str, #[case] words: &str) {
        assert_eq!(of(&error_of(line)), words);
    }

    #[rstest]
    #[case(std::io::ErrorKind::ConnectionRefused, NOBODY)]
    #[case(std::io::ErrorKind::TimedOut, SILENT)]
    #[case(std::io::ErrorKind::ConnectionReset, CLOSED)]
    fn so_is_what_the_network_does(#[case] kind: std::io::ErrorKind, #[case] words: &str) {
        assert_eq!(of(&RedisError::from(std::io::Error::from(kind))), words);
    }

    #[rstest]
    #[case(ErrorKind::AuthenticationFailed, WRONG_PASSWORD)]
    #[case(ErrorKind::InvalidClientConfig, NO_ADDRESS)]
    #[case(ErrorKind::Parse, NOT_REDIS)]
    #[case(ErrorKind::ClusterConnectionNotFound, NO_NODE)]
    #[case(ErrorKind::UnexpectedReturnType, STRANGE)]
    fn so_is_what_the_library_finds(#[case] kind: ErrorKind, #[case] words: &str) {
        assert_eq!(of(&RedisError::from((kind, "words of the library"))), words);
    }
}
