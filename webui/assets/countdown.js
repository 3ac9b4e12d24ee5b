// Counts the seconds down that are left to confirm a revision. Without this script the time of day stands beside them.
"use strict";

(() => {
  const left = document.querySelector("[data-left]");
  if (!left) return;
  // By the clock and not by the turns: browsers let hidden pages turn seldom.
  const end = Date.now() + Number(left.dataset.left) * 1000;

  function turn() {
    const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
    left.textContent = seconds > 0 ? `${seconds} s` : left.dataset.over;
    if (seconds > 0) setTimeout(turn, 1000);
  }

  turn();
})();
