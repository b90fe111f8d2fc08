// On a phone the menu lies over the page: choosing a page puts it away.

const NARROW = "(max-width: 767px)";

function close(event) {
  if (!matchMedia(NARROW).matches || !event.target.closest?.('[data-testid="stSidebarNavLink"]')) return;
  setTimeout(() => document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click(), 100);
}

export default function () {
  document.addEventListener("click", close);
  return () => document.removeEventListener("click", close);
}
