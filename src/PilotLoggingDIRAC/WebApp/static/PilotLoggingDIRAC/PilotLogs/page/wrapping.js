// Whether long lines are wrapped: as the person chose last; else where there is little room.

const KEY = "pilot-logs-wrap";
const NARROW = "(max-width: 820px)";

export function isWrapped() {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept) return kept === "yes";
  } catch {
    // a browser that keeps nothing
  }
  return matchMedia(NARROW).matches;
}

/** For when the window becomes narrow or wide. */
export function onWidthChange(call) {
  matchMedia(NARROW).addEventListener("change", call);
}

export function keepWrapped(wanted) {
  try {
    localStorage.setItem(KEY, wanted ? "yes" : "no");
  } catch {
    // then it holds as long as the page
  }
}
