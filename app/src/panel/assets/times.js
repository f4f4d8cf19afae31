// Times as people read them: in their own zone and language, and how long ago.

const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
// The year is said of other years' times only, so that most of them fit on one line.
const toTheSecond = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" };
const thisYear = new Intl.DateTimeFormat(language, toTheSecond);
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function relative(at) {
  const seconds = Math.round((at - Date.now()) / 1_000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return ago.format(Math.trunc(seconds / size), unit);
}

function whole(at) {
  return at.getFullYear() === new Date().getFullYear() ? thisYear.format(at) : full.format(at);
}

/** Writes every time below `root`. */
export function times(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    const isRelative = element.dataset.shown !== "full";
    element.textContent = isRelative ? relative(at) : whole(at);
    element.title = full.format(at);
  }
}

times();
setInterval(() => times(), 15_000);
