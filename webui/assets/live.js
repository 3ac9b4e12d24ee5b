// Keeps the part of the page marked `data-live` up to date by fetching the same page. Without this script the page shows
// the moment it was loaded at, and everything else works as well.
"use strict";

(() => {
  const EVERY_MS = 2000;
  // A forgotten tab must not keep its session alive for ever.
  const IDLE_MAX_MS = 10 * 60 * 1000;
  let touched = Date.now();
  let shown = "";

  const part = (root) => root.querySelector("[data-live]");

  // Somebody types or tabs through it: it would be taken out of their hands.
  const inUse = (live) => live.contains(document.activeElement) || !document.getSelection().isCollapsed;

  async function refresh() {
    const live = part(document);
    if (!live || document.hidden || inUse(live) || Date.now() - touched > IDLE_MAX_MS) return;
    const answer = await fetch(location.href, { redirect: "manual", headers: { accept: "text/html" } });
    if (answer.type === "opaqueredirect") {
      // The session has ended.
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = part(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (fresh && fresh.innerHTML !== shown && !inUse(live)) {
      shown = fresh.innerHTML;
      live.replaceChildren(...fresh.childNodes);
    }
  }

  async function turn() {
    const stale = document.querySelector("[data-stale]");
    try {
      await refresh();
      if (stale) stale.hidden = true;
    } catch {
      if (stale) stale.hidden = false;
    }
    setTimeout(turn, EVERY_MS);
  }

  for (const event of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    document.addEventListener(event, () => { touched = Date.now(); }, { passive: true });
  }
  if (part(document)) setTimeout(turn, EVERY_MS);
})();
