// @ts-check
// A short sound for what is urgent or this person's own, if it is wanted. Made here: no file, nothing fetched.
import { page } from "./dom.js";

/** @type {AudioContext | undefined} */
let audio;

export function ring() {
  if (page.sound !== "1" || !("AudioContext" in globalThis)) return;
  audio ??= new AudioContext();
  if (audio.state === "suspended") void audio.resume(); // a browser may refuse until somebody has clicked or typed
  const tone = audio.createOscillator();
  const loud = audio.createGain();
  const now = audio.currentTime;
  tone.frequency.setValueAtTime(660, now);
  tone.frequency.setValueAtTime(880, now + 0.09);
  loud.gain.setValueAtTime(0.08, now);
  loud.gain.exponentialRampToValueAtTime(0.0001, now + 0.28);
  tone.connect(loud).connect(audio.destination);
  tone.start(now);
  tone.stop(now + 0.3);
}
