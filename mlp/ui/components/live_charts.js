// Plotly figures that change while they are looked at: Plotly.react redraws in place, so nothing flickers
// and a zoom stays. plotly.js itself is served once by the app (see app.py).

function loadPlotly(url) {
  window.plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.plotlyLoading = undefined;
      reject(new Error("plotly.js could not be loaded"));
    };
    document.head.append(script);
  });
  return window.plotlyLoading;
}

const instances = new WeakMap();

// A picture beside the pointer, of the point under it.
function showPictures(plot, root, instance) {
  const picture = document.createElement("img");
  picture.className = "hover-picture";
  picture.alt = "";
  picture.hidden = true;
  root.append(picture);
  plot.on("plotly_hover", ({ points, event }) => {
    const address = instance.data.hover_pictures;
    if (!address) return;
    picture.src = `${address}${points[0].customdata}.png`;
    const box = root.getBoundingClientRect();
    const left = event.clientX - box.left + 16;
    picture.style.left = `${Math.min(left, box.width - 72)}px`;
    picture.style.top = `${event.clientY - box.top + 16}px`;
    picture.hidden = false;
  });
  plot.on("plotly_unhover", () => { picture.hidden = true; });
}

// Under a finger a drag scrolls the page; under a pointer it zooms into the chart.
const touch = matchMedia("(hover: none)").matches;
const config = {
  responsive: false,
  displaylogo: false,
  displayModeBar: touch ? false : "hover",
  // What a drag and a double click do already; and nothing leaves the reader's own server.
  modeBarButtonsToRemove: [
    "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "sendChartToCloud",
  ],
};

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".mlp-charts");
  let instance = instances.get(parentElement);
  if (!instance) {
    instance = { plots: [], observer: null };
    instances.set(parentElement, instance);
  }
  instance.data = data;

  loadPlotly(data.plotly_url).then((Plotly) => {
    // A later update may have come in while plotly.js was loading: the newest one is drawn.
    const { figures, descriptions, wide } = instance.data;
    root.classList.toggle("wide", wide);
    while (instance.plots.length > figures.length) {
      const plot = instance.plots.pop();
      Plotly.purge(plot);
      plot.remove();
    }
    figures.forEach((text, index) => {
      let plot = instance.plots[index];
      let isNew = false;
      if (!plot || !plot.isConnected) {
        plot = document.createElement("div");
        plot.setAttribute("role", "img");
        instance.plots[index] = plot;
        root.append(plot);
        isNew = true;
      }
      plot.setAttribute("aria-label", descriptions[index]);
      const figure = JSON.parse(text);
      plot.style.height = `${figure.layout.height}px`;
      const layout = { ...figure.layout, autosize: true, dragmode: touch ? false : "zoom" };
      Plotly.react(plot, figure.data, layout, config);
      if (isNew && instance.data.hover_pictures) showPictures(plot, root, instance);
    });
    if (!instance.observer) {
      instance.observer = new ResizeObserver(() => {
        instance.plots.forEach((plot) => plot.isConnected && plot.clientWidth && Plotly.Plots.resize(plot));
      });
      instance.observer.observe(root);
    }
  }).catch((error) => {
    root.textContent = `The curves cannot be drawn: ${error.message}. Reload the page to try again.`;
  });

  return () => {
    if (root.isConnected) return; // Streamlit calls this too when two updates follow each other at once
    instance.observer?.disconnect();
    instance.plots.forEach((plot) => window.Plotly?.purge(plot));
    instances.delete(parentElement);
  };
}
