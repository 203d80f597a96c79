//! What the server answers: the API and the pages, behind who may come in, and counted.

use std::sync::Arc;

use super::standby::Standby;
use super::turns::Sharing;
use super::works::Works;
use crate::api::{self, Api};
use crate::guard::{Gate, Guard};
use crate::http::{Handler, Request, Responder};
use crate::metrics::{Metrics, method_label};
use crate::settings::Settings;
use crate::web::{self, Web};
use crate::worker::Trials;

/// The API and the pages.
pub(super) struct Site {
    api: Api,
    web: Web,
    metrics: Arc<Metrics>,
    /// Where the database is shared.
    standby: Option<Arc<Standby>>,
}

impl Site {
    /// Shows what `works` does.
    pub(super) fn new(works: &Works<'_>, sharing: Option<&Sharing>) -> Site {
        let Works {
            settings,
            store,
            handle,
            metrics,
            ..
        } = works;
        let trials = Arc::new(Trials::default());
        let api = Api::new(
            handle.clone(),
            Arc::clone(store),
            Arc::clone(metrics),
            Arc::clone(&trials),
            api_settings(settings, works.workers),
        );
        let web = web_settings(settings);
        Site {
            api,
            web: Web::new(handle.clone(), Arc::clone(store), trials, web),
            metrics: Arc::clone(metrics),
            standby: sharing.map(|sharing| Arc::clone(&sharing.standby)),
        }
    }

    /// The same for those alone who may come in.
    pub(super) fn behind(self, gate: Arc<Gate>) -> Arc<dyn Handler> {
        let metrics = Arc::clone(&self.metrics);
        let guard = Guard::new(gate, Arc::new(self));
        Arc::new(Counted { guard, metrics })
    }
}

impl Handler for Site {
    fn handle(&self, request: Request, responder: Responder) {
        let for_web = Web::wants(&request.path);
        if let Some(standby) = &self.standby
            && (for_web || Api::reads_jobs(&request.path))
        {
            standby.refresh();
        }
        if for_web {
            self.web.handle(request, responder);
        } else {
            self.api.handle(request, responder);
        }
    }
}

/// Counts what is answered, to whom it may be and in whatever way.
struct Counted {
    guard: Guard,
    metrics: Arc<Metrics>,
}

impl Handler for Counted {
    fn handle(&self, request: Request, responder: Responder) {
        let route = match Web::wants(&request.path) {
            true => "/webui/",
            false => Api::route_of(&request.path).unwrap_or("other"),
        };
        let method = method_label(&request.method);
        let metrics = Arc::clone(&self.metrics);
        let responder = responder.finish_with(move |answer| {
            metrics.http.count(route, method, answer.status.0);
            answer
        });
        self.guard.handle(request, responder);
    }
}

fn api_settings(settings: &Settings, workers: usize) -> api::Settings {
    api::Settings {
        zone: settings.timezone,
        default_owner: settings.default_owner.as_str().into(),
        history_limit: settings.history_limit,
        history_ttl: settings.jobstat_ttl.0,
        workers,
    }
}

fn web_settings(settings: &Settings) -> web::Settings {
    web::Settings {
        zone: settings.timezone,
        default_owner: settings.default_owner.as_str().into(),
        history_ttl: settings.jobstat_ttl.0,
    }
}
