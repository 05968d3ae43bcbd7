import { textOf, noBytes } from "../../../abi/bytes.js";
import type { MessageField } from "../../../abi/protobuf.js";
import { messageFields } from "../../../abi/protobuf.js";

const strict = new TextDecoder("utf-8", { fatal: true });

/** The scalar fields of a message by their numbers: the last of a number counts, absent ones have proto3's defaults. */
export class ScalarMessage {
  readonly #fields: readonly MessageField[];

  private constructor(fields: readonly MessageField[]) {
    this.#fields = fields;
  }

  /** Undefined when the bytes are no message, or one of the fields in `strings` is no UTF-8, as proto3's strings are. */
  static parse(bytes: Uint8Array, strings: readonly number[]): ScalarMessage | undefined {
    const fields = messageFields(bytes);
    const sound = fields?.every(({ field, value }) => !strings.includes(field) || isUtf8(value)) ?? false;
    return sound ? new ScalarMessage(fields!) : undefined;
  }

  bytes(field: number): Uint8Array {
    const value = this.#fields.findLast((one) => one.field === field && typeof one.value !== "bigint")?.value;
    return (value as Uint8Array | undefined) ?? noBytes;
  }
  string(field: number): string {
    return textOf(this.bytes(field));
  }
  number(field: number): number {
    return Number(this.#fields.findLast((one) => one.field === field && typeof one.value === "bigint")?.value ?? 0);
  }
  boolean(field: number): boolean {
    return this.number(field) !== 0;
  }
}

function isUtf8(value: bigint | Uint8Array): boolean {
  if (typeof value === "bigint") return true;
  try {
    strict.decode(value);
    return true;
  } catch {
    return false;
  }
}
