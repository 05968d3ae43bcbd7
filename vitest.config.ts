import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // starting a command or an Envoy on a busy machine
    testTimeout: 30_000,
    reporters: ["default"],
  },
});
