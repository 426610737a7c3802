// Revoke → refused everywhere, from the simulation: whole worlds in virtual time, run by cargo.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const COMMAND = ["test", "--release", "--locked", "--test", "simulation", "propagation", "--", "--ignored", "--nocapture"];

/** @returns {Promise<Map<number, number[]>>} bound in seconds → milliseconds */
export async function simulated() {
  const child = spawn("cargo", COMMAND, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const byBound = new Map();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, json] = /PROPAGATION (\{.*\})/.exec(line) ?? [];
    if (json === undefined) {
      console.log(`  ${line}`);
      continue;
    }
    const { bound, samples_ms } = JSON.parse(json);
    byBound.set(bound, [...(byBound.get(bound) ?? []), ...samples_ms]);
  }
  const [code] = await exit;
  if (code !== 0) throw new Error(`cargo ${COMMAND.join(" ")} ended with ${code}`);
  return byBound;
}
