//! Changing settings so that it is known who did: announced, written, noted; and noting what was not.

use switchboard_domain::ids::Version;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::journal::{Book, JournalLine};

use super::lines::{Act, Author, IntentLine, Stamp, VersionLine, fields, parsed, stamp, text};
use super::read;
use super::resource::Resource;
use crate::ports::Ports;
use crate::settings_lock::Held;

/// Resources that are announced and noted together, at most.
const TOGETHER_MAX: usize = 20;

/// Somebody changes settings, and holds them meanwhile.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// Registry and journal.
    pub ports: &'a Ports,
    /// The settings, held.
    pub held: &'a Held<'a>,
    /// Who it is.
    pub author: &'a Author,
}

/// One of several changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<R> {
    /// What is stored; `None` for something new.
    pub before: Option<R>,
    /// What will be. Its version does not count.
    pub after: R,
}

impl Change<'_> {
    /// Adds a resource.
    ///
    /// # Errors
    /// As the store's `insert`, and where the settings were held for too long.
    pub async fn made<R: Resource>(&self, made: &R) -> Result<(), StoreError> {
        let line = VersionLine::of(None, made, stamp(made), self.author, Act::Created);
        self.announced(std::slice::from_ref(&line)).await?;
        self.held.still()?;
        made.insert(self.ports).await?;
        self.noted(&[line]).await;
        Ok(())
    }

    /// Puts `after` in the place of `before`; its version now.
    ///
    /// # Errors
    /// As the store's `update`, and where the settings were held for too long.
    pub async fn changed<R: Resource>(&self, before: &R, after: &R, act: Act) -> Result<Version, StoreError> {
        caught_up(self.ports, before).await?;
        let line = VersionLine::of(Some(before), after, next(before, after), self.author, act);
        self.announced(std::slice::from_ref(&line)).await?;
        self.held.still()?;
        let version = after.update(self.ports, before.version()).await?;
        self.noted(&[line]).await;
        Ok(version)
    }

    /// Deletes a resource; `false` where it was gone.
    ///
    /// # Errors
    /// As the store's `delete`, and where the settings were held for too long.
    pub async fn deleted<R: Resource>(&self, gone: &R) -> Result<bool, StoreError> {
        caught_up(self.ports, gone).await?;
        let line = VersionLine::of_deletion(gone, self.ports.clock.now(), self.author);
        self.announced(std::slice::from_ref(&line)).await?;
        self.held.still()?;
        let was_there = gone.delete(self.ports).await?;
        if was_there {
            self.noted(&[line]).await;
        }
        Ok(was_there)
    }

    /// Writes several, in order; `done` has how many. `act` is said of what was there before and of what is new.
    ///
    /// # Errors
    /// Those of the first that could not be written; what comes before it is written and noted.
    pub async fn all<R: Resource>(
        &self,
        steps: &[Step<R>],
        (new, changed): (Act, Act),
        done: &mut usize,
    ) -> Result<(), StoreError> {
        for together in steps.chunks(TOGETHER_MAX) {
            let mut lines = Vec::new();
            for step in together {
                lines.push(match &step.before {
                    None => VersionLine::of(None, &step.after, first(&step.after), self.author, new),
                    Some(before) => {
                        caught_up(self.ports, before).await?;
                        let stamp = next(before, &step.after);
                        VersionLine::of(Some(before), &step.after, stamp, self.author, changed)
                    }
                });
            }
            self.announced(&lines).await?;
            let mut written: usize = 0;
            let end = self.written(together, &mut written).await;
            *done = done.saturating_add(written);
            self.noted(lines.get(..written).unwrap_or_default()).await;
            end?;
        }
        Ok(())
    }

    async fn written<R: Resource>(&self, steps: &[Step<R>], written: &mut usize) -> Result<(), StoreError> {
        for Step { before, after } in steps {
            self.held.still()?;
            match before {
                None => after.insert(self.ports).await?,
                Some(before) => drop(after.update(self.ports, before.version()).await?),
            }
            *written = written.saturating_add(1);
        }
        Ok(())
    }

    /// Says what is about to be written, and by whom. Without that, nothing is written.
    async fn announced(&self, lines: &[VersionLine]) -> Result<(), StoreError> {
        let intent = |line: &VersionLine| JournalLine {
            book: Book::Intents,
            subject: line.id.clone(),
            at: self.ports.clock.now(),
            body: text(&line.intent()),
        };
        self.ports.journal.append(lines.iter().map(intent).collect()).await
    }

    /// Notes what was written. Where that fails it is noted by whoever looks next: the change was made, and is no failure.
    async fn noted(&self, lines: &[VersionLine]) {
        let noted = self.ports.journal.append(lines.iter().flat_map(VersionLine::written).collect()).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "failed to note a change of settings: it is noted with the next look");
        }
    }
}

/// The state of something new.
fn first<R: Resource>(made: &R) -> Stamp {
    Stamp { version: 1, ..stamp(made) }
}

/// The state that `after` will have in the place of `before`.
fn next<R: Resource>(before: &R, after: &R) -> Stamp {
    Stamp { version: before.version().next().0, ..stamp(after) }
}

/// Notes what a stored resource is, where its newest line says something else: somebody ended between writing it and noting
/// it, or it was written before anybody noted. Call it while holding the settings.
pub async fn caught_up<R: Resource>(ports: &Ports, stored: &R) -> Result<(), StoreError> {
    let newest = read::newest(ports, stored.id()).await?;
    if newest.as_ref().is_some_and(|line| is_of(line, stored)) {
        return Ok(());
    }
    let stamp = stamp(stored);
    let intent = announced_by(ports, stored.id(), |intent| intent.stamp == stamp).await?;
    let newest = newest.filter(|line| line.act != Act::Deleted);
    let content = stored.content();
    let secrets = intent.as_ref().map(|intent| intent.secrets.clone()).unwrap_or_default();
    let was = newest.as_ref().and_then(|line| line.content.as_ref());
    let usual = if stamp.version <= 1 { Act::Created } else { Act::Changed };
    let line = VersionLine {
        kind: R::KIND,
        id: stored.id().to_owned(),
        name: stored.name().to_owned(),
        stamp,
        act: intent.as_ref().map_or(usual, |intent| intent.act),
        author: intent.and_then(|intent| intent.author),
        previous: newest.as_ref().map(|line| line.stamp),
        fields: fields(was, &content, &secrets),
        secrets,
        content: Some(content),
    };
    ports.journal.append(line.written().into()).await
}

/// Notes that a resource is gone, where its newest line does not say so. Call it while holding the settings, of what is not
/// stored.
pub async fn caught_up_with_deletion(ports: &Ports, id: &str) -> Result<(), StoreError> {
    let Some(newest) = read::newest(ports, id).await?.filter(|line| line.act != Act::Deleted) else {
        return Ok(());
    };
    let version = newest.stamp.version.saturating_add(1);
    let is_it = |intent: &IntentLine| intent.act == Act::Deleted && intent.stamp.version == version;
    let intent = announced_by(ports, id, is_it).await?;
    let at = intent.as_ref().map_or_else(|| ports.clock.now().as_millis(), |intent| intent.stamp.at);
    let line = VersionLine {
        stamp: Stamp { version, at },
        act: Act::Deleted,
        author: intent.and_then(|intent| intent.author),
        previous: Some(newest.stamp),
        fields: Vec::new(),
        secrets: Vec::new(),
        ..newest
    };
    ports.journal.append(line.written().into()).await
}

/// Whether a line is that of a stored resource as it is.
#[must_use]
pub fn is_of<R: Resource>(line: &VersionLine, stored: &R) -> bool {
    line.act != Act::Deleted && line.stamp == stamp(stored)
}

/// What was announced of a resource, where it is this.
async fn announced_by(
    ports: &Ports,
    id: &str,
    is_it: impl Fn(&IntentLine) -> bool,
) -> Result<Option<IntentLine>, StoreError> {
    let page = read::one_line();
    let lines = ports.journal.read(Book::Intents, id, &page).await?;
    Ok(lines.items.first().and_then(parsed::<IntentLine>).filter(is_it))
}

/// A time of a line.
#[must_use]
pub const fn moment(stamp: Stamp) -> Timestamp {
    Timestamp::from_millis(stamp.at)
}
