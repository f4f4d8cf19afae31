//! What the company's address book says of a person (`topapi/v2/user/get`, `topapi/v2/department/get`).
//!
//! The app needs the permission `qyapi_get_member` (read the address book's members); without `fieldEmail` and
//! `fieldMobile` the answer has neither address nor number, without `qyapi_get_department_list` no department's name.
//! Of the two addresses in it only `org_email` counts, the mailbox that the company gives out.
//! Fields as documented: <https://open.dingtalk.com/document/orgapp/query-user-details>.

use serde_json::{Value, json};
use switchboard_ports::directory::{Contact, DirectoryError, LOOK_UP_TIMEOUT};
use tokio::time::Instant;

use super::api::Api;
use super::classify::{Failure, Verdict};
use super::platform::Platform;

/// "No such user" in the address book.
const NO_USER_CODE: &str = "60121";

/// The app lacks a permission: as a code of its own, and behind the code of a refused token.
const PERMISSION_CODES: [&str; 2] = ["60011", "88"];

impl Platform {
    /// What is known of a person; `None` where nobody of the company has this id.
    pub(super) async fn contact(&self, im_user_id: &str) -> Result<Option<Contact>, DirectoryError> {
        let deadline = Instant::now() + LOOK_UP_TIMEOUT;
        let asked = self.call_old(Api::ContactUser, &json!({"userid": im_user_id}), deadline).await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(failure) if failure.code() == NO_USER_CODE => return Ok(None),
            Err(failure) => return Err(refused(&failure)),
        };
        let Some(person) = answer.get("result").filter(|person| person.is_object()) else {
            return Err(DirectoryError::Malformed("the address book's answer has no result".to_owned()));
        };
        let text = |key: &str| {
            let text = person.get(key).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ok(Some(Contact {
            name: text("name"),
            // The company's own mailbox alone. `email` is what people enter in their profiles: whoever wrote somebody
            // else's address there would be taken for them.
            email: text("org_email"),
            mobile: text("mobile"),
            department: self.department(person, deadline).await,
            disabled: false,
        }))
    }

    /// The name of the person's first department. Who is mapped does not depend on it, so it may be missing.
    async fn department(&self, person: &Value, deadline: Instant) -> Option<String> {
        let id = person.pointer("/dept_id_list/0").and_then(Value::as_i64)?;
        let asked = self.call_old(Api::ContactDepartment, &json!({"dept_id": id}), deadline).await;
        asked.ok()?.pointer("/result/name").and_then(Value::as_str).map(str::to_owned)
    }
}

fn refused(failure: &Failure) -> DirectoryError {
    let code = failure.code();
    if PERMISSION_CODES.contains(&code) {
        return DirectoryError::Denied(format!(
            "code {code}: grant the app qyapi_get_member, and fieldEmail and fieldMobile if addresses or numbers are used, in \
             the developer console under Permissions"
        ));
    }
    match failure.verdict {
        Verdict::Refused(_) | Verdict::TokenRejected => DirectoryError::Denied(format!("code {code}")),
        Verdict::Throttled { .. } => DirectoryError::Busy(format!("code {code}")),
        Verdict::NotSent
        | Verdict::Unclear(_)
        | Verdict::CardMissing
        | Verdict::CardExists
        | Verdict::CardFinished => DirectoryError::Unavailable(format!("code {code}")),
    }
}
