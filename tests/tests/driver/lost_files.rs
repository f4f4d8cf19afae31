//! What people are told when nothing of what they sent could be had: what is true of its cause.

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::Locale;
use switchboard_ports::provider::FetchFailure;
use switchboard_tests::fakes::platform::FileFate;
use switchboard_tests::world::World;

#[test]
fn what_is_too_large_or_not_allowed_is_not_to_be_sent_again() {
    let denied = FetchFailure::Denied(ErrorCode::PermissionDenied);
    for (failure, refusal) in [
        (FetchFailure::TooLong, Refusal::FilesTooLarge),
        (denied, Refusal::FilesDenied),
        (FetchFailure::Gone, Refusal::NotFetched),
    ] {
        for locale in [Locale::En, Locale::ZhCn] {
            let world = World::new(13);
            world.process(|process| async move {
                process.set_up_with(|channel, _| channel.locale = locale).await;
                process.world.platform.files(move |_| FileFate::Refuse(failure));
                process.deliver(process.world.message_with("ann", "", &["a", "b"])).await;
                process.finals(1).await;
                assert_eq!(process.world.platform.finals(), [Notice::Refused(refusal).text(locale)]);
                assert!(process.world.agent.asked().is_empty());
            });
        }
    }
}

#[test]
fn one_file_that_may_come_when_it_is_sent_again_is_asked_for() {
    let world = World::new(14);
    world.process(|process| async move {
        process.set_up().await;
        process.world.platform.files(|source| match source {
            "long" => FileFate::Refuse(FetchFailure::TooLong),
            _ => FileFate::Refuse(FetchFailure::Gone),
        });
        process.deliver(process.world.message_with("ann", "", &["long", "gone"])).await;
        process.finals(1).await;
        assert_eq!(process.world.platform.finals(), [Notice::Refused(Refusal::NotFetched).text(Locale::En)]);
    });
}
