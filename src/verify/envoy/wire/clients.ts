import type { ClientRecord } from "../recording.js";
import type { ClientSpec, Scenario } from "../scenario.js";
import type { Dial } from "./byte-stream.js";
import { playH1 } from "./h1-client.js";
import { playH2 } from "./h2-client.js";
import type { Timeline } from "./pause.js";
import { playTcp } from "./tcp-client.js";

/** The next client comes after what the last one left behind has settled, in reality and in virtual time alike. */
const betweenMs = 5;

/** Plays the clients of a scenario; the records are in the order of the scenario. */
export async function playClients(scenario: Scenario, dial: Dial, time: Timeline): Promise<ClientRecord[]> {
  const clients = scenario.clients ?? [{}];
  if (scenario.parallel) return Promise.all(clients.map((client) => playOne(scenario, client, dial, time)));
  const records: ClientRecord[] = [];
  for (const client of clients) {
    if (records.length > 0) await time.pause(betweenMs);
    records.push(await playOne(scenario, client, dial, time));
  }
  return records;
}

async function playOne(scenario: Scenario, client: ClientSpec, dial: Dial, time: Timeline): Promise<ClientRecord> {
  await time.pause(client.at_ms ?? 0);
  const proto = scenario.tcp ? "tcp" : (client.proto ?? scenario.downstream ?? "http1");
  const play = { http1: playH1, http2: playH2, tcp: playTcp }[proto];
  const record = await play(client, dial);
  await time.pause(client.after_ms ?? 0);
  return record;
}
