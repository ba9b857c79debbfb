"use strict";
// A button beside each command; without this script commands are selected whole by a click.
for (const code of document.querySelectorAll("pre > code")) {
  const button = document.createElement("button");
  const told = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  };
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this command");
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      told("Copied");
    } catch {
      // Some browsers keep the clipboard from pages of files: mark the command for the keyboard.
      getSelection().selectAllChildren(code);
      told(document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
    }
  });
  code.parentElement.append(button);
}
