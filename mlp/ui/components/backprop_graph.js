// The computation graph: a drawing made in Python, whose boxes lead to their stage, by pointer or arrow keys.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".graph");
  const focused = root.getRootNode().activeElement;
  const hadFocus = focused && root.contains(focused);
  root.innerHTML = `<div class="wide">${data.wide}</div><div class="narrow">${data.narrow}</div>`;
  // Two drawings in one document need markers of their own.
  root.querySelectorAll(".narrow marker").forEach((marker) => { marker.id += "-narrow"; });
  root.querySelectorAll(".narrow .line").forEach((line) => {
    line.setAttribute("marker-end", line.getAttribute("marker-end").replace(")", "-narrow)"));
  });
  const go = (stage) => setStateValue("chosen", { stage, at: Date.now() });
  const nodes = [...root.querySelectorAll("[data-stage]")];
  nodes.forEach((node) => {
    node.onclick = () => go(node.dataset.stage);
    node.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step && event.key !== " " && event.key !== "Enter") return;
      // Space plays the run, and arrow keys scroll; on a box they belong to the graph.
      event.preventDefault();
      event.stopPropagation();
      if (!step) go(node.dataset.stage);
      else go(data.stages[Math.min(Math.max(data.stages.indexOf(data.current) + step, 0), data.stages.length - 1)]);
    };
  });
  // One stop for the Tab key in each drawing, at what is lit.
  root.querySelectorAll("svg").forEach((svg) => {
    const stop = svg.querySelector(".lit[data-stage]") ?? svg.querySelector("[data-stage]");
    if (!stop) return;
    stop.setAttribute("tabindex", "0");
    if (hadFocus && svg.getBoundingClientRect().width) stop.focus({ preventScroll: true });
  });
}
