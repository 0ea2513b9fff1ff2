// The Vercel AI SDK with its own telemetry: text, streams, a tool, embeddings, over both of OpenAI's APIs.
import { createOpenAI } from "@ai-sdk/openai";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { LegacyOpenTelemetry, OpenTelemetry } from "@ai-sdk/otel";
import { NodeSDK } from "@opentelemetry/sdk-node";
import * as ai from "ai";

const url = process.env.LLM_URL;
const question = "How warm is it in Graz today, and what should I wear for a walk along the river this evening?";
const sdk = new NodeSDK({ traceExporter: new OTLPTraceExporter(), instrumentations: [] });
sdk.start();
ai.registerTelemetry(process.argv.includes("legacy") ? new LegacyOpenTelemetry() : new OpenTelemetry());

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none-needed" });
const telemetry = { functionId: "advise" };
const common = { maxRetries: 0, telemetry, prompt: question };
const parameters = {
  type: "object",
  properties: { city: { type: "string", enum: ["Graz", "Linz", "Wels"] } },
  required: ["city"],
  additionalProperties: false,
};
const current_weather = ai.tool({
  description: "The weather in a city right now.",
  inputSchema: ai.jsonSchema(parameters),
  execute: async ({ city }) => `18 degrees and dry in ${city}`,
});

async function behave(fields) {
  await fetch(`${url}/behaviour`, { method: "POST", body: JSON.stringify(fields) });
}

await ai.generateText({ ...common, model: openai("gpt-4o") });
const streamed = ai.streamText({ ...common, model: openai("gpt-4o-mini") });
await streamed.text;
const completions = ai.streamText({ ...common, model: openai.chat("gpt-4.1") });
await completions.text;
await ai.generateText({ ...common, model: openai("o4-mini") });
await ai.generateText({
  ...common,
  model: openai("gpt-4.1-mini"),
  tools: { current_weather },
  stopWhen: ai.isStepCount(3),
});
for (const kind of ["rate_limit", "unavailable"]) {
  await behave({ errors: { [kind]: 1 } });
  let failed = false;
  try {
    await ai.generateText({ ...common, model: openai("gpt-4o") });
  } catch (failure) {
    failed = true;
    console.log(`expected: ${failure.name}`);
  }
  if (!failed) throw new Error(`the call should have failed: ${kind}`);
  await behave({ errors: {} });
}
await ai.embedMany({
  maxRetries: 0,
  telemetry,
 
  model: openai.embedding("text-embedding-3-small"),
  values: [question, "Linz"],
});
await sdk.shutdown();
