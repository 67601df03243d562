// Sends the video with a progress bar. Without this module the form posts by itself.
const form = document.getElementById("upload");
const part = (id) => document.getElementById(id);
const [drop, input, record, send, sending, bar] = ["drop", "video", "record", "send", "sending", "sent"].map(part);
const [message, refused, chosen, preview] = ["message", "refused", "chosen", "preview"].map(part);
let file = null;
let request = null;

document.body.classList.add("live");
if (matchMedia("(pointer: coarse)").matches) record.closest("label").hidden = false;
input.required = false;

const size = (bytes) => {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
};

function refuse(text) {
  refused.textContent = text;
  refused.hidden = !text;
}

function choose(candidate) {
  refuse("");
  if (!candidate) return;
  const limit = Number(form.dataset.limit);
  if (candidate.size > limit) return refuse(`That is ${size(candidate.size)}; a video may have ${size(limit)}. Choose a shorter one.`);
  if (candidate.size === 0) return refuse("That file is empty. Choose another.");
  file = candidate;
  chosen.textContent = `${file.name}, ${size(file.size)}`;
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
  preview.onloadeddata = () => { preview.currentTime = Math.min(1, preview.duration / 2 || 0); };
  preview.onerror = () => { preview.hidden = true; };
  send.focus({ preventScroll: true });
}

function busy(on) {
  sending.hidden = !on;
  send.disabled = on;
}

function done() {
  const answer = request.response;
  if (request.status === 202 && answer) {
    message.textContent = "Arrived. Off to the drawing desk…";
    location.assign(answer.urls.page);
    return;
  }
  busy(false);
  refuse(answer?.detail ?? "That did not work. Try again in a moment.");
}

function submit(event) {
  event.preventDefault();
  if (!file) return refuse("Choose a video first.");
  refuse("");
  busy(true);
  const data = new FormData();
  data.append("style", form.elements.style.value);
  data.append("video", file, file.name);
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = total ? (100 * loaded) / total : 0;
    message.textContent = loaded < total
      ? `${size(loaded)} of ${size(total)}. Keep this page open.`
      : "All sent. Storing it safely…";
  };
  request.onload = done;
  request.onerror = () => { busy(false); refuse("The connection broke. Try again."); };
  request.onabort = () => { busy(false); };
  request.send(data);
}

form.addEventListener("submit", submit);
part("abort").addEventListener("click", () => request?.abort());
for (const source of [input, record]) source.addEventListener("change", () => choose(source.files[0]));
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
drop.addEventListener("drop", (event) => choose(event.dataTransfer.files[0]));
// A page that the browser kept shows what is true now.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
