// Everything that a page of the panel runs.

import "./api.js";
import "./times.js";
import "./acts.js";
import "./forms.js";
import "./exchange.js";
import "./live.js";
import "./playground.js";
import "./log.js";
