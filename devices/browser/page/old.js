// What a browser lacks, by name. In the JavaScript of 2009, so that every browser can read it.

(function () {
  // A function of two vectors: https://github.com/GoogleChromeLabs/wasm-feature-detect has the bytes.
  var SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  var lacks = [];
  if (typeof WebAssembly !== "object") lacks.push("WebAssembly");
  else if (!WebAssembly.validate(new Uint8Array(SIMD))) lacks.push("vectors in WebAssembly (SIMD)");
  if (typeof CompressionStream !== "function") lacks.push("CompressionStream");
  if (typeof BigInt64Array !== "function") lacks.push("BigInt64Array");
  if (typeof Worker !== "function") lacks.push("Worker");
  if (typeof WebSocket !== "function") lacks.push("WebSocket");
  if (!("noModule" in document.createElement("script"))) lacks.push("modules of JavaScript");
  window.zooMissing = lacks;

  function show(words) {
    var form = document.getElementById("join");
    if (form) form.hidden = true;
    document.getElementById("state").textContent = "This browser is too old to run files: " + words
      + ". Take one of the last two years.";
  }

  // The newer syntax of the page itself.
  window.addEventListener("error", function (event) {
    if (/SyntaxError/.test(event.message || "")) show("it does not understand " + event.message);
  });
  window.addEventListener("load", function () {
    if (lacks.length && document.getElementById("join")) show("it has no " + lacks.join(", no "));
  });
})();
