//! What the versions of channels and of agents have in common.

use switchboard_ports::page::PageRequest;

use super::Place;
use super::view::{VersionView, WholeVersionView};
use crate::changes::read;
use crate::changes::resource::Resource;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::state::Api;

/// A page of the versions of a resource.
pub async fn page<R: Resource>(
    api: &Api,
    id: &str,
    page: &PageRequest,
) -> Result<List<VersionView>, Problem> {
    known::<R>(api, id).await?;
    let versions = read::versions(&api.ports, id, page).await?;
    Ok(List::of(versions, |line| VersionView::from(&line)))
}

/// One version.
pub async fn one<R: Resource>(api: &Api, place: &Place) -> Result<WholeVersionView, Problem> {
    known::<R>(api, &place.id).await?;
    let found = read::version(&api.ports, &place.id, place.version).await?;
    let found =
        found.ok_or_else(|| Problem::not_found("there is no such version, or it is no longer kept"))?;
    Ok(WholeVersionView::from(found))
}

/// Refuses ids that nothing has or had.
pub async fn known<R: Resource>(api: &Api, id: &str) -> Result<(), Problem> {
    if read::up_to_date::<R>(&api.ports, &api.settings, id).await? {
        return Ok(());
    }
    Err(Problem::not_found(format!("there is and was no {} with this id", R::KIND.word())))
}
