import { HarnessError } from "../errors.js";
import type { Where } from "../scenario/types.js";

/** A value of a suite file, in textproto or YAML, before anybody knows what it is for. */
export type Node = MessageNode | ScalarNode;

export interface MessageNode {
  readonly kind: "message";
  readonly where: Where;
  /** In the order of the file; a repeated field has an entry for each element. */
  readonly fields: readonly FieldNode[];
}

export interface FieldNode {
  readonly name: string;
  readonly where: Where;
  readonly value: Node;
}

export interface ScalarNode {
  readonly kind: "string" | "number" | "word";
  readonly where: Where;
  /** Of a string its bytes, as characters 0 to 255; of the others what stands there. */
  readonly text: string;
}

/** An error in a suite file: `file:line:column: message`. */
export function suiteError({ file, line, column }: Where, message: string): HarnessError {
  return new HarnessError("SCENARIO_INVALID", `${file}:${line}:${column}: ${message}`);
}

/** What a person calls it. */
export function nameOfNode(node: Node): string {
  if (node.kind === "message") return "a message";
  return node.kind === "string" ? "a string" : node.text;
}
