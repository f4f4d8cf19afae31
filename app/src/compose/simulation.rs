//! The simulated platform that `demo` brings along.

use super::{ComposeError, Simulation};

/// Starts it, and says how it is reached.
pub(super) async fn simulate() -> Result<Simulation, ComposeError> {
    use dingtalk_sim::{Simulator, SimulatorConfig};

    let settings = SimulatorConfig::default();
    let (id, secret) = settings
        .apps
        .first()
        .map(|app| (app.client_id.clone(), app.client_secret.clone()))
        .unwrap_or_default();
    let simulator = Simulator::start(settings)
        .await
        .map_err(|error| ComposeError::Failed(format!("failed to start the simulated platform: {error}")))?;
    let base = simulator.base_url().to_owned();
    Ok(Simulation {
        chat_url: simulator.chat_url(),
        platform: "dingtalk".to_owned(),
        config: serde_json::json!({
            "client_id": id,
            "client_secret": secret,
            "ai_card": {"template_id": dingtalk_sim::OWN_TEMPLATE},
            "api_base_url": base,
            "oapi_base_url": base,
        }),
        guard: Box::new(simulator),
    })
}
