// The live page. The board sends all of it once a second; here it is put into words, and time goes on in between.

import { WORDS } from "/words.js";

const STALE_AFTER_MS = 5000;
const ROWS_AT_FIRST = 8;
const FEW = 30; // below so many cases a figure is shown in grey
const BOX = { csat: [0, 1], nps: [-100, 100] };

const at = (id) => document.getElementById(id);
const root = document.documentElement;

let words;
let shown = null; // the last snapshot
let heardAt = performance.now(); // when it came, or when the page was opened
let ahead = 0; // of the board's clock before ours, ms
let allRows = false;

const now = () => Date.now() + ahead;

// Figures in words

const whole = (value) => value.toLocaleString(words.locale);
const percent = (value) => `${Math.round(value * 100)} %`;
const score = (value) => `${value > 0 ? "+" : ""}${Math.round(value)}`.replace("-", "−");
const clock = (moment) => new Date(moment).toLocaleTimeString(words.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const two = (value) => String(value).padStart(2, "0");

/** A span as a clock shows it below a day, 4:05 or 2:03:07, and 3 d 4 h beyond. */
function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s >= 86400) return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A span in its greatest unit: 40 s, 12 min, 3 h, 5 d. */
function roughly(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 129600 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

// The document

/** An element with classes and children; what is no element is text, so nothing that was read is ever markup. */
function make(tag, classes = "", ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Lets a list have these items in order: what stays keeps its element, and with it focus and selection. */
function keep(list, items, key, create, update = () => {}) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  let next = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = known.get(name);
    known.delete(name);
    if (!element) {
      element = create(item);
      element.dataset.key = name;
    }
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
  for (const element of known.values()) element.remove();
}

function caseLink([topic, source, id], text) {
  const link = make("a", "", text);
  link.href = `/case/${[topic, source, id].map(encodeURIComponent).join("/")}?lang=${root.lang}`;
  return link;
}

const metricName = (metric) => words.metric[metric] ?? metric;

// Health

function healthLine() {
  const silentMs = performance.now() - heardAt;
  const stale = silentMs > STALE_AFTER_MS;
  document.body.classList.toggle("stale", stale);
  const seconds = Math.floor(silentMs / 1000);
  if (stale) {
    level("bad", words.stale(seconds), shown ? words.stale_of(clock(shown.at)) : "");
  } else if (!shown) {
    level("waiting", words.waiting_for_board, "");
  } else {
    const { health } = shown;
    level(health.level, words[health.level], standing(health));
  }
  say(at("age"), shown ? `${words.as_of(clock(shown.at))}` : "");
  const troubles = shown && !stale ? shown.health.troubles : [];
  at("troubles").hidden = troubles.length === 0;
  keep(at("troubles"), troubles, (t) => `${t.kind} ${t.who} ${t.level}`, (t) => make("li", t.level), (element, t) => say(element, words.trouble[t.kind](t)));
  title(stale);
}

function level(name, verdict, text) {
  at("health").dataset.level = name;
  say(at("verdict"), verdict);
  say(at("standing"), text);
}

function standing(health) {
  const decimal = (value) => value.toLocaleString(words.locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return [
    health.behind_seconds === null ? null : words.behind(decimal(health.behind_seconds)),
    words.sink(health.sink_seconds === null ? null : decimal(health.sink_seconds)),
    words.workers(health.workers, health.workers_known),
    words.partitions(health.partitions, health.partitions_expected),
  ]
    .filter(Boolean)
    .join(" · ");
}

function title(stale) {
  const critical = shown ? shown.numbers.critical : 0;
  const mark = stale || shown?.health.level === "bad" ? "⚠ " : "";
  const text = `${mark}${critical ? `(${critical}) ` : ""}Oidor`;
  if (document.title !== text) document.title = text;
}

// The four figures

function tile(id, figure, note, look = "") {
  const element = at(id);
  say(element.querySelector(".figure"), figure);
  say(element.querySelector(".note"), note);
  element.className = `tile ${look}`;
}

function tiles() {
  const n = shown.numbers;
  const open = n.overdue + n.at_risk + n.on_track + n.paused;
  const imported = n.imported_clocks ? `, ${words.imported(whole(n.imported_clocks))}` : "";
  tile("overdue", whole(n.overdue), words.open_in_all(open && whole(open)) + imported, n.overdue ? "red" : "");
  const next = n.next_due_at === null ? words.no_next : words.next_in(span(n.next_due_at - now()));
  tile("at-risk", whole(n.at_risk), next, n.at_risk ? "amber" : "");
  critical(n);
  answered(n);
}

function critical(n) {
  const handled = n.unacknowledged ? words.unacknowledged(n.unacknowledged) : words.all_acknowledged;
  const note = n.critical ? `${handled}, ${words.open_incidents(n.incidents)}` : n.incidents ? words.open_incidents(n.incidents) : words.no_incidents;
  tile("critical", whole(n.critical), note, n.unacknowledged ? "alarm" : n.critical ? "red" : "");
}

function answered(n) {
  const { answered: share } = n;
  const waiting = words.waiting(n.waiting, n.longest_wait_since === null ? "" : span(now() - n.longest_wait_since));
  if (share.value === null) return tile("answered", "–", `${words.no_wait}, ${waiting}`, "few");
  const range = share.low === null ? "" : ` (${words.range(percent(share.low), percent(share.high))})`;
  tile("answered", percent(share.value), `${words.n(whole(share.n))}${range}, ${waiting}`, share.n < FEW ? "few" : "");
}

// Promises

function promises() {
  const rows = allRows ? shown.rows : shown.rows.slice(0, ROWS_AT_FIRST);
  const section = at("promises");
  keep(section.querySelector("tbody"), rows, (row) => `${row.area}|${row.metric}`, promise, (element, row) => {
    say(element.querySelector("small"), row.area || words.no_area);
    say(element.querySelector("span"), metricName(row.metric));
    ["overdue", "at_risk", "on_track", "paused"].forEach((name, place) => {
      const cell = element.cells[place + 1];
      say(cell, whole(row[name]));
      cell.className = row[name] === 0 ? "zero" : { overdue: "red", at_risk: "amber" }[name] ?? "";
    });
  });
  section.querySelector("table").hidden = rows.length === 0;
  section.querySelector(".empty").hidden = rows.length > 0;
  const more = at("more-rows");
  more.hidden = shown.rows.length <= ROWS_AT_FIRST;
  say(more, allRows ? words.fewer_rows : words.more_rows(shown.rows.length - ROWS_AT_FIRST));
}

function promise() {
  const name = make("th", "", make("small"), make("span"));
  name.scope = "row";
  return make("tr", "", name, ...[0, 1, 2, 3].map(() => make("td")));
}

// Deadlines

function deadlines() {
  const section = at("deadlines");
  const key = (d) => [d.topic, d.source, d.entity_id, d.metric, d.due_at].join("|");
  keep(section.querySelector("ol"), shown.deadlines, key, (d) => {
    const link = caseLink([d.topic, d.source, d.entity_id], `${d.source}/${d.entity_id}`);
    return make("li", "", make("span", "left"), make("span", "what"), make("span", "where", make("span"), " ", link));
  }, (element, d) => {
    const left = d.due_at - now();
    element.className = left <= 0 ? "due" : d.warned ? "warned" : "";
    say(element.querySelector(".left"), left <= 0 ? words.due : span(left));
    say(element.querySelector(".what"), [metricName(d.metric), d.area || words.no_area, words.priority[d.priority] ?? d.priority].join(" · "));
    say(element.querySelector(".where span"), d.owner ? `${d.owner} ·` : `${words.no_owner} ·`);
  });
  section.querySelector(".empty").hidden = shown.deadlines.length > 0;
}

// Incidents

function incidents() {
  const section = at("incidents");
  const list = section.querySelector("ul");
  keep(list, shown.incidents, (one) => `${one.id} ${root.lang}`, incident, (element, one) => {
    const { handling } = one;
    element.className = `${one.severity} ${handling.acknowledged_at === null ? "" : "acknowledged"}`;
    say(element.querySelector(".summary"), one.summary);
    say(element.querySelector(".handled"), handled(handling));
    element.querySelector(".handled").hidden = handling.acknowledged_at === null;
    say(element.querySelector("button"), handling.acknowledged_at === null ? words.acknowledge : words.more);
    say(element.querySelector(".severity"), words.severity[one.severity] ?? one.severity);
    say(element.querySelector(".since"), `${words.since_opened(roughly(now() - one.opened_at))} · ${one.area || words.no_area} ·`);
    const owner = element.querySelector(".owner");
    say(owner, [one.team, one.owner || words.no_owner].filter(Boolean).join(", "));
    owner.classList.toggle("unowned", !one.owner);
    say(element.querySelector(".expected"), one.n === null || one.expected === null ? "" : `· ${words.expected(one.n, one.expected)}`);
  });
  section.querySelector(".empty").hidden = shown.incidents.length > 0;
  say(section.querySelector(".count"), shown.numbers.incidents ? words.shown_of(shown.incidents.length, shown.numbers.incidents) : "");
  const imported = shown.numbers.imported_incidents;
  at("imported").hidden = imported === 0;
  say(at("imported"), words.imported_incidents(whole(imported)));
}

function incident(one) {
  const what = make("p", "what", make("span", "severity"), make("span", "summary"));
  const where = make("p", "where", make("span", "since"), " ", make("span", "owner"), " ", make("span", "expected"), ` · ${one.pattern}`);
  where.title = new Date(one.opened_at).toLocaleString(words.locale);
  if (one.case) where.append(" · ", caseLink(one.case, `${words.case} ${one.case[2]}`));
  const act = make("button", "", words.acknowledge);
  act.type = "button";
  act.onclick = () => openActing(one);
  return make("li", one.severity, make("span", "edge"), what, where, make("p", "handled"), make("div", "hands", act));
}

function handled({ acknowledged_at, acknowledged_by, acted_at, acted_by, note }) {
  if (acknowledged_at === null) return "";
  const since = words.acknowledged_by(acknowledged_by, roughly(now() - acknowledged_at));
  return acted_at === null ? (note ? `${since}: ${note}` : since) : `${since}. ${words.acted_by(acted_by, note)}`;
}

// What people do about an incident

let acting = null;

function openActing(incident) {
  acting = incident.id;
  const dialog = at("acting");
  const { who, note } = dialog.querySelector("form").elements;
  say(at("acting-about"), incident.summary);
  say(dialog.querySelector(".trouble"), "");
  who.value = remembered("who") ?? "";
  note.value = "";
  dialog.showModal();
}

async function act(action) {
  const dialog = at("acting");
  const form = dialog.querySelector("form");
  const trouble = dialog.querySelector(".trouble");
  const [who, note] = [form.elements.who.value.trim(), form.elements.note.value.trim()];
  if (!form.reportValidity()) return;
  if (action !== "acknowledged" && !note) return say(trouble, words.note_needed);
  remember("who", who);
  say(trouble, words.sending);
  const said = JSON.stringify({ action, incident_id: acting, who, note });
  const answer = await fetch("/actions", { method: "POST", headers: { "Content-Type": "application/json" }, body: said }).catch((error) => error);
  if (answer.ok) return dialog.close();
  say(trouble, words.not_sent(answer instanceof Response ? (await answer.text()) || String(answer.status) : answer.message));
}

// What customers said

function voice() {
  const figures = [
    { name: "csat", text: percent, ...shown.voice.csat },
    { name: "nps", text: score, ...shown.voice.nps },
  ];
  keep(at("voice").querySelector("dl"), figures, (one) => `${one.name} ${root.lang}`, (one) => {
    const scale = make("div", "scale", make("span", "range"), make("span", "point"));
    scale.ariaHidden = "true";
    return make("div", "", make("dt", "", words[one.name]), make("dd", "", make("b"), make("span", "note")), scale);
  }, (element, one) => {
    element.className = one.n < FEW ? "few" : "";
    say(element.querySelector("b"), one.value === null ? "–" : one.text(one.value));
    const range = one.low === null ? "" : `${words.range(one.text(one.low), one.text(one.high))}, `;
    say(element.querySelector(".note"), `${range}${words.n(whole(one.n))}${one.n && one.n < FEW ? `, ${words.few}` : ""}`);
    place(element.querySelector(".scale"), one);
  });
}

function place(scale, { name, value, low, high }) {
  const [from, to] = BOX[name];
  const share = (figure) => `${(100 * (figure - from)) / (to - from)}%`;
  const [range, point] = scale.children;
  range.hidden = low === null;
  point.hidden = value === null;
  if (low !== null) {
    range.style.left = share(low);
    range.style.width = `${(100 * (high - low)) / (to - from)}%`;
  }
  if (value !== null) point.style.left = share(value);
}

// Rejections

function rejected() {
  const section = at("rejected");
  const { since, sources, total } = shown.rejected;
  const of = shown.at - since >= 3600000 ? words.of_hour : words.since(clock(since));
  say(section.querySelector(".count"), total ? `${whole(total)}, ${of}` : of);
  keep(section.querySelector("tbody"), sources, ([source]) => source, () => {
    const name = make("th");
    name.scope = "row";
    return make("tr", "", name, make("td"));
  }, (element, [source, count]) => {
    say(element.cells[0], source || "–");
    say(element.cells[1], whole(count));
  });
  section.querySelector("table").hidden = sources.length === 0;
  section.querySelector(".empty").hidden = sources.length > 0;
  const day = (moment) => new Date(moment).toLocaleString(words.locale, { dateStyle: "short", timeStyle: "short" });
  keep(at("maintenance"), shown.maintenance, (one) => `${one.source} ${one.begins_at}`, () => make("li"), (element, one) =>
    say(element, words.maintenance(one.source, day(one.begins_at), day(one.ends_at), one.who)),
  );
}

// As time goes on

function draw() {
  healthLine();
  if (!shown) return;
  for (const part of [tiles, promises, deadlines, incidents, voice, rejected]) part();
}

function listen() {
  const events = new EventSource("/events");
  events.onmessage = ({ data }) => {
    shown = JSON.parse(data);
    heardAt = performance.now();
    ahead = shown.at - Date.now();
    draw();
  };
  events.onerror = async () => {
    if (events.readyState !== EventSource.CLOSED) return; // it comes again by itself
    events.close();
    const answer = await fetch("/", { method: "HEAD", headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.status === 401) location.reload();
    else setTimeout(listen, 2000);
  };
}

// Language and light

function speak(language) {
  words = WORDS[language] ?? WORDS.en;
  root.lang = language in WORDS ? language : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[element.dataset.label]);
  const other = root.lang === "en" ? "es" : "en";
  Object.assign(at("language"), { textContent: other.toUpperCase(), lang: other, ariaLabel: words.other, title: words.other });
  Object.assign(at("theme"), { ariaLabel: words.light, title: words.light });
  draw();
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // the choice holds until the page is closed
  }
}

function light(theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
}

const asked = new URLSearchParams(location.search);
light(asked.get("theme") ?? remembered("theme"));
speak(asked.get("lang") ?? remembered("language") ?? (navigator.language.startsWith("es") ? "es" : "en"));

at("language").onclick = () => {
  const other = root.lang === "en" ? "es" : "en";
  remember("language", other);
  speak(other);
};
at("theme").onclick = () => {
  const dark = getComputedStyle(root).colorScheme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  light(dark ? "light" : "dark");
  remember("theme", root.dataset.theme);
};
for (const button of document.querySelectorAll("[data-action]")) button.onclick = () => act(button.dataset.action);
at("acting-end").onclick = () => at("acting").close();
at("more-rows").onclick = () => {
  allRows = !allRows;
  promises();
};

setInterval(draw, 1000);
listen();
