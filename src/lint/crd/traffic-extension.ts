// Made by tools/crd-schemas.mjs from github.com/istio/api kubernetes/customresourcedefinitions.gen.yaml of 2026-07-21
// (commit b8f8791d9653b2edc77a071d48887e582cfe84bf, Apache-2.0): the spec of v1alpha1, without its descriptions.
// What its CEL rules say is said by rules of ours.
import type { Schema } from "../schema.js";

export const trafficExtensionSchema: Schema = {
  oneOf: [
    {
      not: {
        anyOf: [
          {
            required: ["wasm"],
          },
          {
            required: ["lua"],
          },
        ],
      },
    },
    {
      required: ["wasm"],
    },
    {
      required: ["lua"],
    },
  ],
  properties: {
    lua: {
      properties: {
        inlineCode: {
          maxLength: 65536,
          minLength: 1,
          type: "string",
        },
      },
      required: ["inlineCode"],
      type: "object",
    },
    match: {
      items: {
        properties: {
          mode: {
            enum: ["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"],
            type: "string",
          },
          ports: {
            items: {
              properties: {
                number: {
                  maximum: 65535,
                  minimum: 1,
                  type: "integer",
                },
              },
              required: ["number"],
              type: "object",
            },
            type: "array",
            "x-kubernetes-list-map-keys": ["number"],
            "x-kubernetes-list-type": "map",
          },
        },
        type: "object",
      },
      type: "array",
    },
    phase: {
      enum: ["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"],
      type: "string",
    },
    priority: {
      format: "int32",
      nullable: true,
      type: "integer",
    },
    selector: {
      properties: {
        matchLabels: {
          additionalProperties: {
            maxLength: 63,
            type: "string",
          },
          maxProperties: 4096,
          type: "object",
        },
      },
      type: "object",
    },
    targetRefs: {
      items: {
        properties: {
          group: {
            maxLength: 253,
            pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            type: "string",
          },
          kind: {
            maxLength: 63,
            minLength: 1,
            pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
            type: "string",
          },
          name: {
            maxLength: 253,
            minLength: 1,
            type: "string",
          },
          namespace: {
            type: "string",
          },
        },
        required: ["kind", "name"],
        type: "object",
      },
      maxItems: 16,
      type: "array",
    },
    wasm: {
      properties: {
        failStrategy: {
          enum: ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"],
          type: "string",
        },
        imagePullPolicy: {
          enum: ["UNSPECIFIED_POLICY", "IfNotPresent", "Always"],
          type: "string",
        },
        imagePullSecret: {
          maxLength: 253,
          minLength: 1,
          type: "string",
        },
        pluginConfig: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
        },
        pluginName: {
          maxLength: 256,
          minLength: 1,
          type: "string",
        },
        sha256: {
          pattern: "(^$|^[a-f0-9]{64}$)",
          type: "string",
        },
        type: {
          enum: ["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"],
          type: "string",
        },
        url: {
          minLength: 1,
          type: "string",
        },
        verificationKey: {
          type: "string",
        },
        vmConfig: {
          properties: {
            env: {
              items: {
                properties: {
                  name: {
                    maxLength: 256,
                    minLength: 1,
                    type: "string",
                  },
                  value: {
                    maxLength: 2048,
                    type: "string",
                  },
                  valueFrom: {
                    enum: ["INLINE", "HOST"],
                    type: "string",
                  },
                },
                required: ["name"],
                type: "object",
              },
              maxItems: 256,
              type: "array",
              "x-kubernetes-list-map-keys": ["name"],
              "x-kubernetes-list-type": "map",
            },
          },
          type: "object",
        },
      },
      required: ["url"],
      type: "object",
    },
  },
  type: "object",
};
