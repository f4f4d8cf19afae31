//! Whether a channel's directories can be asked: for `switchboard check` and the test of a channel.

use futures_util::future::join_all;
use switchboard_domain::notice::Finding;
use switchboard_ports::directory::{DirectoryError, LOOK_UP_TIMEOUT, NOBODY};
use switchboard_ports::provider::{Check, CheckResult};
use tokio::time::timeout;

use super::{Chain, Source, Step};
use crate::ports::SharedLink;

impl Chain {
    /// One line for each directory, all asked at once. What was said before counts for nothing here, and nothing that is said
    /// now is remembered.
    pub(crate) async fn checks(&self, link: &SharedLink, platform: &str) -> Vec<Check> {
        join_all(self.steps.iter().map(|step| step.check(link, platform))).await
    }
}

impl Step {
    async fn check(&self, link: &SharedLink, platform: &str) -> Check {
        let asked = timeout(LOOK_UP_TIMEOUT * 2, async {
            match &self.source {
                Source::Directory(directory) => directory.check(platform).await,
                Source::Platform => link.contact(NOBODY).await.map(|_| None),
                Source::Unusable(why) => Err(DirectoryError::Denied(why.clone())),
            }
        });
        let asked = asked.await;
        let asked =
            asked.unwrap_or_else(|_| Err(DirectoryError::Unavailable("no answer in time".to_owned())));
        let (result, finding, detail) = match asked {
            Ok(note) => {
                let detail = note.map_or_else(|| self.name.clone(), |note| format!("{}: {note}", self.name));
                (CheckResult::Ok, Finding::DirectoryAnswers, detail)
            }
            Err(error) => {
                let finding = match &error {
                    DirectoryError::Unavailable(_) | DirectoryError::Busy(_) => Finding::DirectoryAway,
                    DirectoryError::Denied(_) | DirectoryError::Unsupported => Finding::DirectoryRefuses,
                    DirectoryError::Malformed(_) => Finding::DirectoryUnclear,
                };
                tracing::warn!(directory = self.name, kind = self.kind, %error, "a directory's check failed");
                (CheckResult::Failed, finding, format!("{}: {error}", self.name))
            }
        };
        Check { name: "directory", result, finding, detail }
    }
}
