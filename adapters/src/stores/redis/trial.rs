//! A trial of whether a Redis takes what the store would write, and is new enough.

use switchboard_ports::durability::Durability;

use super::connection::Connection;
use super::durability;
use super::keys::Keys;
use super::scripts::Scripts;
use super::{Address, RedisOpenError};

/// The oldest version whose commands are enough.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Keys that are tried: enough that each of a few nodes of a Cluster has some.
const KEYS_TRIED: u32 = 16;

/// Tries the Redis at an address with keys under `prefix`: a script that goes by the time, writes, reads, lets expire and removes, and a
/// note that is published and listened for. Nothing stays. Gives what it may lose of what it acknowledges.
///
/// # Errors
/// Says what is refused, and what to do.
pub async fn try_writing(address: Address<'_>, prefix: &str) -> Result<Durability, RedisOpenError> {
    let connection = Connection::open(address).await.map_err(RedisOpenError::Connect)?;
    tried(&connection, &Scripts::new(), &Keys::new(prefix, connection.database())).await?;
    Ok(durability::asked(&connection).await?)
}

pub(super) async fn tried(
    connection: &Connection,
    scripts: &Scripts,
    keys: &Keys,
) -> Result<(), RedisOpenError> {
    for info in connection.ask_each::<String>(redis::cmd("INFO").arg("server")).await.unwrap_or_default() {
        // One that hides its version is judged by what it does.
        if let Some((major, minor)) = version(&info)
            && (major, minor) < VERSION_MIN
        {
            let (least, least_minor) = VERSION_MIN;
            return Err(RedisOpenError::Store(format!(
                "Redis {major}.{minor} is too old: {least}.{least_minor} or newer is needed, or Valkey"
            )));
        }
    }
    for number in 0..KEYS_TRIED {
        let key = keys.shared(&format!("trial-{number}"), "key");
        connection.run::<String>(scripts.trial.prepare_invoke().key(key)).await?;
    }
    let _subscription = connection.subscribe(keys.notes()).await?;
    // Replicas pass over what they do not understand.
    Ok(connection.ask(redis::cmd("PUBLISH").arg(keys.notes()).arg("")).await?)
}

/// What an answer to `INFO` calls its version.
fn version(info: &str) -> Option<(u32, u32)> {
    let text = info.lines().find_map(|line| line.strip_prefix("redis_version:"))?;
    let mut parts = text.trim().split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::version;

    #[rstest]
    #[case("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n", Some((7, 0)))]
    #[case("redis_version:6.0.16\r\n", Some((6, 0)))]
    #[case("redis_version:newest\r\n", None)]
    #[case("", None)]
    fn the_version_is_read(#[case] info: &str, #[case] expected: Option<(u32, u32)>) {
        assert_eq!(version(info), expected);
    }
}
