//! Every error code of the contract has a cause and a remedy in both languages, and is told by something: by an answer of
//! the platform (`adapters/src/dingtalk/codes_tests.rs`) or by the part of ours that is named here.

use std::io;
use std::path::Path;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::remedy;
use switchboard_domain::settings::Locale;

/// The contract's error codes, in its order.
const CONTRACT: [&str; 12] = [
    "invalid_credentials",
    "network_unreachable",
    "platform_error",
    "rate_limited",
    "quota_exceeded",
    "connection_lost",
    "permission_denied",
    "misconfigured",
    "store_unavailable",
    "no_agent",
    "agent_unreachable",
    "agent_misconfigured",
];

/// Who says so: a file of ours, and the words by which it does.
const fn told_by(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::InvalidCredentials => ("adapters/src/dingtalk/codes.rs", "ErrorCode::InvalidCredentials"),
        ErrorCode::NetworkUnreachable => {
            ("adapters/src/dingtalk/classify.rs", "ErrorCode::NetworkUnreachable")
        }
        ErrorCode::PlatformError => ("adapters/src/dingtalk/codes.rs", "ErrorCode::PlatformError"),
        ErrorCode::RateLimited => ("adapters/src/dingtalk/classify.rs", "ErrorCode::RateLimited"),
        ErrorCode::QuotaExceeded => ("app/src/runtime/intake.rs", "ErrorCode::QuotaExceeded"),
        ErrorCode::ConnectionLost => ("adapters/src/dingtalk/socket.rs", "ErrorCode::ConnectionLost"),
        ErrorCode::PermissionDenied => ("adapters/src/dingtalk/codes.rs", "ErrorCode::PermissionDenied"),
        ErrorCode::Misconfigured => ("adapters/src/dingtalk/codes.rs", "ErrorCode::Misconfigured"),
        ErrorCode::StoreUnavailable => {
            ("domain/src/channel/machine/world.rs", "self.note(ErrorCode::StoreUnavailable")
        }
        ErrorCode::NoAgent => ("app/src/runtime/channel/task.rs", "code: ErrorCode::NoAgent"),
        ErrorCode::AgentUnreachable => {
            ("app/src/runtime/conversation/turn.rs", "=> ErrorCode::AgentUnreachable")
        }
        ErrorCode::AgentMisconfigured => {
            ("app/src/runtime/conversation/turn.rs", "ErrorCode::AgentMisconfigured")
        }
    }
}

#[test]
fn the_error_codes_are_those_of_the_contract() {
    assert_eq!(ErrorCode::ALL.map(ErrorCode::as_str), CONTRACT);
}

#[test]
fn each_has_a_cause_and_a_remedy_of_its_own_in_both_languages() {
    for locale in [Locale::En, Locale::ZhCn] {
        let words = ErrorCode::ALL.map(|code| remedy(code, locale));
        for (at, one) in words.iter().enumerate() {
            assert!(!one.message.trim().is_empty() && !one.remedy.trim().is_empty());
            let is_own = words
                .iter()
                .skip(at + 1)
                .all(|other| other.message != one.message && other.remedy != one.remedy);
            assert!(is_own, "{one:?}");
        }
    }
}

#[test]
fn each_is_told_by_some_part_of_the_program() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for code in ErrorCode::ALL {
        let (file, words) = told_by(code);
        let text = std::fs::read_to_string(root.join(file))?;
        assert!(text.contains(words), "{file} does not tell {code:?}");
    }
    Ok(())
}
