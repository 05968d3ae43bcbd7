import { noBytes, utf8 } from "../../abi/bytes.js";
import { MessageWriter } from "../../abi/protobuf.js";
import { HarnessError } from "../../errors.js";
import type { Property, Value } from "./property-value.js";
import { Double, Message } from "./property-value.js";

/** `core.v3.Metadata`: values by name of the filter (`filter_metadata`), then by key; what JSON has. */
export type FilterMetadata = { readonly [filter: string]: { readonly [key: string]: Property } };

/** `core.v3.Locality` */
export type Locality = { readonly region?: string; readonly zone?: string; readonly subZone?: string };

/** `core.v3.Node`: who this Envoy is. */
export type NodeSettings = {
  readonly id?: string;
  readonly cluster?: string;
  readonly metadata?: { readonly [key: string]: Property };
  readonly locality?: Locality;
  /** Default `envoy`. */
  readonly userAgentName?: string;
};

/** A message that is not set: OK without bytes when it is read, its fields have their defaults. */
const absent = (fields: Readonly<Record<string, Value>>): Message => new Message(noBytes, fields);

const noMetadata = absent({ filter_metadata: {}, typed_filter_metadata: {} });

/** Messages are made once: those of routes and clusters are read by many streams. */
const metadataMessages = new WeakMap<object, Message>();

/** @throws {HarnessError} OPTION_INVALID for what JSON does not have. */
export function metadataMessage(metadata: Readonly<Record<string, unknown>> | undefined): Message {
  if (metadata === undefined || Object.keys(metadata).length === 0) return noMetadata;
  let message = metadataMessages.get(metadata);
  if (message === undefined) {
    const writer = new MessageWriter();
    const filters: Record<string, Value> = {};
    for (const [filter, values] of sorted(metadata)) {
      const struct = objectOf(values, `metadata of "${filter}"`);
      filters[filter] = structValue(struct, `metadata of "${filter}"`);
      writer.bytes(1, mapEntry(filter, structBytes(struct)));
    }
    message = new Message(writer.finish(), { filter_metadata: filters, typed_filter_metadata: {} });
    metadataMessages.set(metadata, message);
  }
  return message;
}

export function localityMessage({ region = "", zone = "", subZone = "" }: Locality = {}): Message {
  const writer = new MessageWriter();
  const texts = [region, zone, subZone];
  for (const [i, text] of texts.entries()) if (text !== "") writer.bytes(i + 1, utf8(text));
  return new Message(writer.finish(), { region, zone, sub_zone: subZone });
}

/** Envoy's own node also lists its extensions and what it was built from: those are left out here, as if there were none. */
export function nodeMessage({
  id = "",
  cluster = "",
  metadata,
  locality,
  userAgentName = "envoy",
}: NodeSettings = {}): Message {
  const struct = objectOf(metadata ?? {}, "metadata of the node");
  const where = localityMessage(locality);
  const writer = new MessageWriter();
  if (id !== "") writer.bytes(1, utf8(id));
  if (cluster !== "") writer.bytes(2, utf8(cluster));
  if (metadata !== undefined) writer.bytes(3, structBytes(struct));
  if (locality !== undefined) writer.bytes(4, where.bytes);
  if (userAgentName !== "") writer.bytes(6, utf8(userAgentName));
  return new Message(writer.finish(), {
    id,
    cluster,
    metadata: structValue(struct, "metadata of the node"),
    dynamic_parameters: {},
    locality: where,
    user_agent_name: userAgentName,
    user_agent_version: "",
    extensions: [],
    client_features: [],
    listening_addresses: [],
  });
}

// ------------------------------------------------------------------------------------- google.protobuf.Struct

function structValue(struct: Readonly<Record<string, unknown>>, where: string): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(struct).map(([key, value]) => [key, jsonValue(value, `${where}, "${key}"`)]),
  );
}

function jsonValue(json: unknown, where: string): Value {
  if (typeof json === "string" || typeof json === "boolean" || json === null) return json;
  if (typeof json === "number") return new Double(json);
  if (Array.isArray(json)) return json.map((item, i) => jsonValue(item, `${where}[${i}]`));
  return structValue(objectOf(json, where), where);
}

/** Keys in the order of their text, as protobuf writes maps when it is to be deterministic. */
export function structBytes(struct: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new MessageWriter();
  for (const [key, value] of sorted(struct)) writer.bytes(1, mapEntry(key, valueBytes(value)));
  return writer.finish();
}

export function valueBytes(json: unknown): Uint8Array {
  const writer = new MessageWriter();
  if (json === null) writer.varint(1, 0);
  else if (typeof json === "number") writer.double(2, json);
  else if (typeof json === "string") writer.bytes(3, utf8(json));
  else if (typeof json === "boolean") writer.varint(4, json ? 1 : 0);
  else if (Array.isArray(json)) writer.bytes(6, listBytes(json));
  else writer.bytes(5, structBytes(json as Readonly<Record<string, unknown>>));
  return writer.finish();
}

export function listBytes(items: readonly unknown[]): Uint8Array {
  const writer = new MessageWriter();
  for (const item of items) writer.bytes(1, valueBytes(item));
  return writer.finish();
}

const mapEntry = (key: string, value: Uint8Array): Uint8Array =>
  new MessageWriter().bytes(1, utf8(key)).bytes(2, value).finish();

const sorted = (object: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1));

function objectOf(given: unknown, where: string): Readonly<Record<string, unknown>> {
  const plain = typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Uint8Array);
  if (plain) return given as Readonly<Record<string, unknown>>;
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot use ${where}: wanted an object of texts, numbers, booleans, null, lists and objects; got ${typeof given}`,
  );
}
