import type { Finding } from "./fuzz.js";

/** What findings of the same cause have in common: by this a hunt knows what it need not tell again. */
export const causeOf = ({ property, cause }: Pick<Finding, "property" | "cause">): string => `${property}: ${cause}`;
