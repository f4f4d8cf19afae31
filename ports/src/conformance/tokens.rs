//! The suite of `TokenStore`.

use crate::conformance::{FakeClock, Fixture};
use crate::error::StoreError;
use crate::tokens::{Role, Token};

/// One test per case of the token store's contract.
#[macro_export]
macro_rules! token_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (tokens);
            a_token_is_found_by_its_hash_only,
            tokens_survive_in_name_order,
            a_taken_token_name_is_refused,
            revoking_is_repeatable,
        );
    };
}

/// A token whose hash is this byte over and over.
#[must_use]
pub fn token(name: &str, role: Role, byte: u8) -> Token {
    Token {
        id: format!("tok_{name}"),
        name: name.to_owned(),
        role,
        hash: [byte; 32],
        created_at: FakeClock::START,
    }
}

/// All roles.
pub async fn a_token_is_found_by_its_hash_only(fixture: impl Fixture) {
    let tokens = fixture.stores().tokens;
    for (role, byte) in [(Role::Viewer, 0), (Role::Operator, 127), (Role::Admin, 255)] {
        let token = token(&format!("t{byte}"), role, byte);
        tokens.insert(&token).await.unwrap();
        assert_eq!(tokens.by_hash(&[byte; 32]).await, Ok(Some(token)));
    }
    assert_eq!(tokens.by_hash(&[1; 32]).await, Ok(None));
}

/// Over a death.
pub async fn tokens_survive_in_name_order(mut fixture: impl Fixture) {
    let (a, b) = (token("a", Role::Admin, 1), token("b", Role::Viewer, 2));
    fixture.stores().tokens.insert(&b).await.unwrap();
    fixture.stores().tokens.insert(&a).await.unwrap();
    let expected = vec![a, b];
    assert_eq!(fixture.stores().tokens.list().await, Ok(expected.clone()));
    if fixture.reopen().await {
        assert_eq!(fixture.stores().tokens.list().await, Ok(expected));
    }
}

/// Nothing is changed.
pub async fn a_taken_token_name_is_refused(fixture: impl Fixture) {
    let tokens = fixture.stores().tokens;
    tokens.insert(&token("a", Role::Admin, 1)).await.unwrap();
    let other = Token { id: "tok_other".to_owned(), ..token("a", Role::Viewer, 2) };
    assert_eq!(tokens.insert(&other).await, Err(StoreError::Duplicate("name")));
    assert_eq!(tokens.by_hash(&[2; 32]).await, Ok(None));
    assert_eq!(tokens.list().await, Ok(vec![token("a", Role::Admin, 1)]));
}

/// Then the name is free.
pub async fn revoking_is_repeatable(fixture: impl Fixture) {
    let tokens = fixture.stores().tokens;
    let token = token("a", Role::Admin, 1);
    tokens.insert(&token).await.unwrap();
    assert_eq!(tokens.revoke("a").await, Ok(true));
    assert_eq!(tokens.revoke("a").await, Ok(false));
    assert_eq!(tokens.by_hash(&token.hash).await, Ok(None));
    assert_eq!(tokens.insert(&token).await, Ok(()));
}
