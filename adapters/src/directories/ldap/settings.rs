//! Settings of an LDAP directory: checked, with defaults filled in.

use ldap3::{ldap_escape, parse_filter};
use serde_json::Value;
use switchboard_ports::directory::Query;
use switchboard_ports::provider::FieldError;
use url::Url;

use crate::directories::fields::Fields;

/// JSON pointer of the bind account's password.
pub(super) const PASSWORD: &str = "/bind_password";

/// Values that mean "disabled", at most.
const VALUES_MAX: usize = 20;

/// What a filter may ask for.
const PLACEHOLDERS: [&str; 3] = ["{user_id}", "{email}", "{mobile}"];

/// Active Directory's attribute of bits, and the bit of a disabled account (MS-ADTS 2.2.16, `ADS_UF_ACCOUNTDISABLE`).
pub(super) const ACCOUNT_CONTROL: &str = "userAccountControl";
pub(super) const ACCOUNT_DISABLED: u32 = 0x0002;

const EMAIL: &str = "mail";
const DISPLAY_NAME: &str = "cn";
const DEPARTMENT: &str = "departmentNumber";

/// How a directory is asked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) url: Url,
    pub(super) start_tls: bool,
    /// Empty: nobody in particular asks.
    pub(super) bind_dn: String,
    pub(super) base: String,
    pub(super) filter: String,
    pub(super) attributes: Attributes,
    /// Values of the attribute `disabled` that mean it, in lower case; empty: any does.
    pub(super) disabled_values: Vec<String>,
    /// The group that counts, and where groups are.
    pub(super) group: Option<String>,
    pub(super) group_base: String,
}

/// What the attributes of a person are called.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) department: Option<String>,
    pub(super) disabled: Option<String>,
}

impl Attributes {
    /// All of them, for the request.
    pub(super) fn names(&self) -> Vec<&str> {
        let optional = [&self.email, &self.display_name, &self.department, &self.disabled];
        let optional = optional.into_iter().flatten().map(String::as_str);
        std::iter::once(self.username.as_str()).chain(optional).collect()
    }
}

impl Settings {
    /// Reads settings; `has_password` says whether the bind account has one.
    pub(super) fn read(config: &Value, has_password: bool) -> Result<(Option<Self>, Value), Vec<FieldError>> {
        let mut fields = Fields::new(config);
        let url = fields.url("url", &["ldaps", "ldap"]);
        let is_tls = url.as_ref().is_none_or(|url| url.scheme() == "ldaps");
        // Whoever wants a password to travel in the clear has to say so.
        let start_tls = fields.flag("start_tls", !is_tls);
        if is_tls && start_tls && url.is_some() {
            fields.wrong("start_tls", "must be false with ldaps://");
        }
        let bind_dn = fields.text("bind_dn").unwrap_or_default();
        // A name with an empty password is "unauthenticated" (RFC 4513 §5.1.2): servers may say yes to anybody.
        if bind_dn.is_empty() == has_password {
            let message = if has_password {
                "goes with bind_dn"
            } else {
                "is required with bind_dn, and may not be empty"
            };
            fields.wrong("bind_password", message);
        }
        let base = fields.needed("base");
        let filter = fields.text_or("filter", "(uid={user_id})");
        if let Err(message) = check_filter(&filter) {
            fields.wrong("filter", message);
        }
        let attributes = fields.section("attributes", |section| Attributes {
            username: name(section, "username", Some("uid")).unwrap_or_default(),
            email: name(section, "email", Some(EMAIL)),
            display_name: name(section, "display_name", Some(DISPLAY_NAME)),
            department: name(section, "department", Some(DEPARTMENT)),
            disabled: name(section, "disabled", None),
        });
        let disabled_values = fields.words("disabled_values", VALUES_MAX);
        if attributes.disabled.is_none() && !disabled_values.is_empty() {
            fields.wrong("disabled_values", "goes with attributes.disabled, which names no attribute");
        }
        let disabled_values = disabled_values.iter().map(|value| value.to_lowercase()).collect();
        let group = fields.text("group");
        let group_base = fields.text_or("group_base", &base);
        let checked = fields.finish()?;
        let settings = url.map(|url| Self {
            url,
            start_tls,
            bind_dn,
            base,
            filter,
            attributes,
            disabled_values,
            group,
            group_base,
        });
        Ok((settings, checked))
    }

    /// Whether the filter asks for what the platform knows.
    pub(super) fn needs_contact(&self) -> bool {
        self.filter.contains("{email}") || self.filter.contains("{mobile}")
    }

    /// The attributes that are named, and by which setting. Those that merely default are not: where they are missing, less is
    /// told of people.
    pub(super) fn named_attributes(&self) -> Vec<(&'static str, &str)> {
        let names = &self.attributes;
        let optional = [
            ("attributes.email", &names.email, EMAIL),
            ("attributes.display_name", &names.display_name, DISPLAY_NAME),
            ("attributes.department", &names.department, DEPARTMENT),
            ("attributes.disabled", &names.disabled, ""),
        ];
        let mut told = vec![("attributes.username", names.username.as_str())];
        for (setting, name, default) in optional {
            told.extend(name.as_deref().filter(|name| *name != default).map(|name| (setting, name)));
        }
        told.extend(attributes_in(&self.filter).map(|name| ("filter", name)));
        told
    }

    /// The filter for a person; `None` where the platform does not tell what it asks for.
    pub(super) fn filter_for(&self, query: &Query) -> Option<String> {
        let contact = query.contact.as_ref();
        let value = |placeholder: &str| match placeholder {
            "{email}" => contact.and_then(|contact| contact.email.as_deref()),
            "{mobile}" => contact.and_then(|contact| contact.mobile.as_deref()),
            _ => Some(query.im_user_id.as_str()),
        };
        fill(&self.filter, value)
    }
}

/// Fills placeholders in one pass, so that what one value holds is never taken for another placeholder. Values are escaped
/// (RFC 4515 §3).
fn fill<'a>(filter: &str, value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = filter;
    loop {
        let next = PLACEHOLDERS.iter().filter_map(|one| Some((rest.find(one)?, *one))).min();
        let Some((at, placeholder)) = next else { break };
        let (before, after) = rest.split_at_checked(at)?;
        filled.push_str(before);
        filled.push_str(&ldap_escape(value(placeholder).filter(|value| !value.trim().is_empty())?));
        rest = after.strip_prefix(placeholder)?;
    }
    filled.push_str(rest);
    Some(filled)
}

fn check_filter(filter: &str) -> Result<(), &'static str> {
    if !PLACEHOLDERS.iter().any(|placeholder| filter.contains(placeholder)) {
        return Err("must hold {user_id}, {email} or {mobile}: else it finds the same people for everybody");
    }
    let example = fill(filter, |_| Some("x")).unwrap_or_default();
    if parse_filter(&example).is_err() {
        return Err("must be a search filter (RFC 4515): (uid={user_id})");
    }
    Ok(())
}

/// The attributes that a filter (RFC 4515) asks for. Parentheses within values are escaped: each one begins or ends a part.
fn attributes_in(filter: &str) -> impl Iterator<Item = &str> {
    let parts =
        filter.split('(').filter_map(|part| Some(part.split_once(['=', '~', '<', '>', ':'])?.0.trim()));
    parts.filter(|name| !name.is_empty() && is_name(name))
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';'))
}

/// An attribute's name (RFC 4512 §1.4), or nothing where it is `""`.
fn name(fields: &mut Fields<'_>, key: &str, default: Option<&str>) -> Option<String> {
    let text = match default {
        Some(default) => fields.text_or(key, default),
        None => fields.text(key)?,
    };
    if !is_name(&text) {
        fields.wrong(key, "must be the name of an attribute: letters, digits, - . ;");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use switchboard_ports::directory::{Contact, Query};

    use super::Settings;

    fn with(change: &Value) -> Value {
        let mut config = json!({"url": "ldaps://ldap.example", "bind_dn": "cn=a", "base": "dc=example"});
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }

    fn settings(change: &Value) -> Settings {
        Settings::read(&with(change), true).unwrap().0.unwrap()
    }

    #[rstest]
    #[case(json!({"url": "http://x"}), &["/url"])]
    #[case(json!({"url": "ldap://u:p@x"}), &["/url"])]
    #[case(json!({"start_tls": true}), &["/start_tls"])]
    #[case(json!({"bind_dn": null}), &["/bind_password"])]
    #[case(json!({"base": ""}), &["/base"])]
    #[case(json!({"filter": "(uid=x)"}), &["/filter"])]
    #[case(json!({"filter": "(uid={user_id}"}), &["/filter"])]
    #[case(json!({"attributes": {"username": "a=b", "colour": "x"}}), &["/attributes/username", "/attributes/colour"])]
    #[case(json!({"disabled_values": ["true"]}), &["/disabled_values"])]
    #[case(json!({"disabled_values": "true", "colour": 1}), &["/disabled_values", "/colour"])]
    fn bad_settings_are_all_named(#[case] change: Value, #[case] pointers: &[&str]) {
        let errors = Settings::read(&with(&change), true).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers);
    }

    #[test]
    fn a_bind_account_needs_a_password_that_is_not_empty() {
        let errors = Settings::read(&with(&json!({})), false).unwrap_err();
        assert_eq!(errors[0].pointer, "/bind_password");
        assert!(Settings::read(&with(&json!({"bind_dn": null})), false).is_ok());
    }

    #[test]
    fn checked_settings_are_settings_and_plain_ldap_starts_tls() {
        let (read, checked) = Settings::read(&with(&json!({"url": "ldap://x"})), true).unwrap();
        assert!(read.unwrap().start_tls);
        assert_eq!(Settings::read(&checked, true).unwrap().1, checked);
    }

    #[test]
    fn attributes_are_named_by_settings_and_filters_and_defaults_only_where_everybody_needs_them() {
        let named = |change: &Value| {
            let settings = settings(change);
            settings.named_attributes().iter().map(|(at, name)| format!("{at}={name}")).collect::<Vec<_>>()
        };
        assert_eq!(named(&json!({})), ["attributes.username=uid", "filter=uid"]);
        let filter = "(&(objectClass=user)(!(nsAccountLock;x-a>=1))(bits:1.2.840:=2)(:dn:2.5:=x)(sn=\\28a=b\\29)(|(mail={email})(cn~=x)))";
        let change = json!({"filter": filter, "attributes": {"disabled": "gone", "email": "post"}});
        let expected = ["objectClass", "nsAccountLock;x-a", "bits", "sn", "mail", "cn"];
        let expected = expected.map(|name| format!("filter={name}"));
        let first = ["attributes.username=uid", "attributes.email=post", "attributes.disabled=gone"];
        assert_eq!(named(&change), [first.map(String::from).to_vec(), expected.to_vec()].concat());
    }

    #[rstest]
    #[case("ann", "(uid=ann)")]
    #[case("*", "(uid=\\2a)")]
    #[case("a)(uid=*", "(uid=a\\29\\28uid=\\2a)")]
    #[case("a\\b\0", "(uid=a\\5cb\\00)")]
    #[case("张三", "(uid=张三)")]
    #[case("{email}", "(uid={email})")]
    fn what_stands_in_an_id_is_never_part_of_the_filter(#[case] id: &str, #[case] filter: &str) {
        let query = Query {
            platform: "dingtalk".into(),
            im_user_id: id.into(),
            name: String::new(),
            contact: Some(Contact { email: Some("x@y".into()), ..Contact::default() }),
        };
        assert_eq!(settings(&json!({})).filter_for(&query).as_deref(), Some(filter));
        let by_mail = settings(&json!({"filter": "(mail={email})"}));
        assert!(by_mail.needs_contact());
        assert_eq!(by_mail.filter_for(&query).as_deref(), Some("(mail=x@y)"));
        let nothing = Query { contact: Some(Contact::default()), ..query };
        assert_eq!(by_mail.filter_for(&nothing), None);
    }
}
