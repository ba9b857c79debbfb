// Battery and load of this device, where the browser tells them: Chromium does on https and localhost, others do not.

/** Tells `changed` whenever something is new; `idle` says whether this page computes nothing now. */
export async function watchPower(changed, idle) {
  const told = { charging: null, level: null, pressure: null };
  const tell = () => changed({ ...told });
  try {
    const battery = await navigator.getBattery?.();
    if (battery) {
      const read = () => {
        Object.assign(told, { charging: battery.charging, level: battery.level });
        tell();
      };
      battery.onchargingchange = battery.onlevelchange = read;
      read();
    }
  } catch {
    // A policy keeps it from pages: it stays unknown.
  }
  try {
    if (!globalThis.PressureObserver) return;
    const observer = new PressureObserver((records) => {
      // What the files themselves take is no disturbance.
      if (!idle()) return;
      told.pressure = records.at(-1)?.state ?? null;
      tell();
    });
    await observer.observe("cpu", { sampleInterval: 1000 });
  } catch {
    // The same of pressure.
  }
}
