// Says whether this browser opens the https address already: the answer itself cannot be read, and need not be.

const shown = document.getElementById("trust");

async function look() {
  try {
    await fetch(shown.dataset.secured, { mode: "no-cors", cache: "no-store" });
    shown.textContent = "✓ This browser trusts the certificate: open the https address from the terminal.";
  } catch {
    shown.textContent = "This browser does not trust the certificate yet.";
  }
}

document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") look(); });
look();
