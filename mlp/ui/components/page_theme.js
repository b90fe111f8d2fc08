// Charts and pictures get their colours from the script, which is told light or dark only when it runs. So it is asked
// to run as soon as the page turns from one to the other. Streamlit calls this function at each change of its theme, and
// after each run that used another theme than the run before.

let asked; // once for each change, so that a theme which the script never hears of cannot keep it running

export default function ({ data, setStateValue }) {
  const page = document.querySelector('[data-testid="stApp"]');
  const shown = page && getComputedStyle(page).colorScheme; // by the same rule as what Streamlit tells the script
  if (!shown || shown === data.used) {
    asked = undefined;
  } else if (shown !== asked) {
    asked = shown;
    setStateValue("shown", shown);
  }
}
