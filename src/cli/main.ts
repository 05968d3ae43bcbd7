#!/usr/bin/env node
import { readFileSync } from "node:fs";

// Answered before anything is loaded: shells ask for it a lot.
const [only] = process.argv.slice(2);
if (process.argv.length === 3 && (only === "--version" || only === "-V")) {
  process.stdout.write(`${toolVersion()}\n`);
} else {
  const { main } = await import("./commands.js");
  process.exitCode = await main(process.argv.slice(2), toolVersion());
}

function toolVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
