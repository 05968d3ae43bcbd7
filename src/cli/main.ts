#!/usr/bin/env node
import { toolVersion } from "./tool-version.js";

// Answered before anything is loaded: shells ask for it a lot.
const [only] = process.argv.slice(2);
if (process.argv.length === 3 && (only === "--version" || only === "-V")) {
  process.stdout.write(`${toolVersion()}\n`);
} else {
  const { main } = await import("./commands.js");
  process.exitCode = await main(process.argv.slice(2), toolVersion());
}
