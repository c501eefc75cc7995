// Keeps the page up to date: by a WebSocket, or by asking where there is none. The server makes all that is shown.
"use strict";

const ASK = 2000; // milliseconds between two questions while there is no socket
const LONGEST = 30000; // between two attempts to have one

const connection = document.getElementById("connection");
const said = document.getElementById("said");
const pause = document.getElementById("pause");
const held = new Map(); // parts that came while the page was paused
let asking = null;
let attempts = 0;

function tell(how, text) {
  if (connection.dataset.how !== how) {
    connection.dataset.how = how;
    connection.textContent = text;
  }
}

// Parts

function show(parts) {
  for (const [name, html] of Object.entries(parts)) {
    if (pause.getAttribute("aria-pressed") === "true") held.set(name, html);
    else put(name, html);
  }
}

function put(name, html) {
  const section = document.querySelector(`[data-part="${name}"]`);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const before = name === "kept" ? keptIds(section) : null;
  merge(section, fresh.content);
  if (before) announce(section, before);
}

// Takes over what differs, so that the focus, the scroll position and what is unfolded stay where they are.
function merge(old, fresh) {
  const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
  let at = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const match = node.id ? known.get(node.id) : at && !at.id && at.nodeName === node.nodeName ? at : null;
    if (!match) {
      old.insertBefore(node, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    update(match, node);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function update(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    const ours = (old.nodeName === "DETAILS" && name === "open") || name === "disabled";
    if (!ours && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  merge(old, fresh);
}

function keptIds(section) {
  return new Set([...section.querySelectorAll("li")].map((one) => one.id));
}

function announce(section, before) {
  const more = [...section.querySelectorAll("li")].filter((one) => !before.has(one.id));
  if (more.length) say(`${more.length} more failed or held: ${[...new Set(more.map((one) => one.dataset.receiver))].join(", ")}`);
}

function say(text) {
  said.textContent = text;
}

// The socket, and what stands in for it

function connect() {
  const address = new URL(document.body.dataset.live + location.search, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.addEventListener("message", (message) => {
    attempts = 0;
    clearInterval(asking);
    asking = null;
    tell("live", "Live");
    show(JSON.parse(message.data).parts);
  });
  socket.addEventListener("close", () => {
    if (!asking) {
      ask();
      asking = setInterval(ask, ASK);
    }
    setTimeout(connect, Math.min(1000 * 2 ** attempts++, LONGEST));
  });
}

async function ask() {
  try {
    const answer = await fetch(document.body.dataset.state + location.search, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403) {
      tell("gone", "You are not signed in any more; load the page again.");
    } else {
      show((await answer.json()).parts);
      if (asking) tell("asking", "Every 2 seconds");
    }
  } catch {
    tell("gone", "The server does not answer; trying again.");
  }
}

// What people do

pause.hidden = false;
pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Go on" : "Pause";
  if (!paused) {
    held.forEach((html, name) => put(name, html));
    held.clear();
  }
});

document.getElementById("act")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { submitter, target } = event;
  if (submitter.name === "discard" && !confirm("Discard this delivery? Its receiver will not be told.")) return;
  const body = new FormData(target);
  body.append(submitter.name, submitter.value);
  submitter.disabled = true;
  try {
    const answer = await fetch(target.action, { method: "POST", body, headers: { Accept: "application/json" } });
    say(answer.ok && !answer.redirected ? (await answer.json()).said : "That was refused; load the page again.");
  } catch {
    say("The server does not answer; nothing was done, as far as can be told.");
  } finally {
    submitter.disabled = false;
  }
});

connect();
