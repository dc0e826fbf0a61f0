// An independent OPC UA client drives one equipment: node check.js OPTIONS.json, its findings as JSON on stdout.
//
// Options: url, serverCertificate, certificate, key (files of the connector), rogueCertificate, rogueKey (files of
// someone whom nobody trusts), user, password, recipe {name, version, body, sha256}, job {id, lot, substrates, rows,
// columns}, stepped (whether to step the equipment's clock or to wait for it), most_s (seconds to wait at most).
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const os = require("os");
const path = require("path");
const opcua = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

const { DataType, MessageSecurityMode, SecurityPolicy, UserTokenType, Variant, VariantArrayType } = opcua;
const ISA95 = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/";
const OURS = "urn:interposer:packaging";
const CONTROL = "Equipment.JobManagement.JobOrderControl";
const RESULTS = "Equipment.JobManagement.JobOrderResults";
const ENDED = 5;
const options = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

async function connected(how, work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "independent-client-"));
  const manager = new OPCUACertificateManager({ rootFolder: folder, automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  const secured = how.securityMode !== MessageSecurityMode.None;
  const client = opcua.OPCUAClient.create({
    applicationName: "independent client",
    applicationUri: "urn:interposer:connector",
    clientCertificateManager: manager,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy.Basic256Sha256,
    certificateFile: options.certificate,
    privateKeyFile: options.key,
    serverCertificate: secured ? fs.readFileSync(options.serverCertificate) : undefined,
    ...how.client,
  });
  try {
    await client.connect(options.url);
    const user = { type: UserTokenType.UserName, userName: options.user, password: options.password };
    const session = await client.createSession(how.anonymous ? undefined : { ...user, ...how.user });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  } finally {
    await client.disconnect();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function refusal(how) {
  try {
    await connected(how, async () => undefined);
    return null;
  } catch (error) {
    return error.message.split("\n")[0];
  }
}

// Calls, reads and values by the names of the table.
class Equipment {
  constructor(session, namespaces) {
    this.session = session;
    this.index = namespaces.indexOf(OURS);
    this.isa95 = namespaces.indexOf(ISA95);
  }

  node(name) {
    return `ns=${this.index};s=${name}`;
  }

  async call(name, ...inputArguments) {
    const objectId = this.node(name.slice(0, name.lastIndexOf(".")));
    const result = await this.session.call({ objectId, methodId: this.node(name), inputArguments });
    if (!result.statusCode.isGood()) throw new Error(`${name}: ${result.statusCode.toString()}`);
    return result.outputArguments.map((output) => output.value);
  }

  async read(name) {
    const read = await this.session.read({ nodeId: this.node(name), attributeId: opcua.AttributeIds.Value });
    return read.value.value;
  }

  async jobOrder({ id, lot, substrates }, recipe, sha256) {
    const value = (dataType, it) => ({ dataType, value: it });
    return this.session.constructExtensionObject(opcua.coerceNodeId(`ns=${this.isa95};i=3008`), {
      jobOrderID: id,
      workMasterID: [
        {
          ID: `${recipe.name}@${recipe.version}`,
          parameters: [{ ID: "sha256", value: value(DataType.String, sha256) }],
        },
      ],
      jobOrderParameters: [{ ID: "Operation", value: value(DataType.String, "independent/10") }],
      materialRequirements: substrates.map((substrate) => ({
        materialLotID: lot,
        materialSublotID: substrate,
        materialUse: "work",
        quantity: "1",
        properties: [{ ID: "Visit", value: value(DataType.UInt32, 1) }],
      })),
    });
  }

  advance(to) {
    return this.call("LineClock.Advance", number(DataType.DateTime, to));
  }

  async jobs() {
    const held = (await this.read(`${CONTROL}.JobOrderList`)) || [];
    return Object.fromEntries(held.map((job) => [job.jobOrder.jobOrderID, job.state[0].stateNumber]));
  }
}

const text = (value) => new Variant({ dataType: DataType.String, value });
const number = (dataType, value) => new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });
const structure = (value) => new Variant({ dataType: DataType.ExtensionObject, value });
const comment = new Variant({ dataType: DataType.LocalizedText, arrayType: VariantArrayType.Array, value: [] });
const whole = (value) => (Array.isArray(value) ? value[0] * 2 ** 32 + value[1] : Number(value));

async function store(equipment) {
  const { recipe, job } = options;
  const key = [text(recipe.name), number(DataType.UInt32, recipe.version), text(recipe.body)];
  const wrong = crypto.createHash("sha256").update("another body").digest("hex");
  const found = { held_before: await equipment.jobs() };
  found.download_with_wrong_hash = await equipment.call("Equipment.Recipes.DownloadRecipe", ...key, text(wrong));
  found.download = await equipment.call("Equipment.Recipes.DownloadRecipe", ...key, text(recipe.sha256));
  for (const [answer, sha256] of [["store_with_wrong_hash", wrong], ["store", recipe.sha256]]) {
    const order = await equipment.jobOrder(job, recipe, sha256);
    found[answer] = await equipment.call(`${CONTROL}.Store`, structure(order), comment);
    if (answer === "store_with_wrong_hash")
      found.why = await equipment.call("Equipment.Journal.LastRefusal", text(job.id));
  }
  const allowed = number(DataType.ByteString, Buffer.alloc(job.rows * job.columns, 1));
  const shape = [number(DataType.UInt32, job.rows), number(DataType.UInt32, job.columns), allowed];
  for (const substrate of job.substrates)
    found.load_map = await equipment.call("Equipment.Maps.LoadMap", text(job.id), text(substrate), text("work"), ...shape);
  found.held = await equipment.jobs();
  return found;
}

async function untilEnded(equipment) {
  const deadline = Date.now() + options.most_s * 1000;
  const subscription = await equipment.session.createSubscription2({
    requestedPublishingInterval: 50, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 20, publishingEnabled: true,
  });
  const item = await subscription.monitor(
    { nodeId: equipment.node("Equipment.Journal.Head"), attributeId: opcua.AttributeIds.Value },
    { samplingInterval: 0, queueSize: 100, discardOldest: true }, opcua.TimestampsToReturn.Both,
  );
  while ((await equipment.jobs())[options.job.id] !== ENDED) {
    if (Date.now() > deadline) throw new Error(`job ${options.job.id} has not ended in ${options.most_s} s`);
    if (options.stepped) {
      const [, at] = await equipment.call("LineClock.NextEvent");
      await equipment.advance(at);
    } else {
      await new Promise((resolve) => {
        const late = setTimeout(resolve, 1000);
        item.once("changed", () => resolve(clearTimeout(late)));
      });
    }
  }
  await subscription.terminate();
}

async function work(session) {
  const equipment = new Equipment(session, await session.readNamespaceArray());
  const head = whole(await equipment.read("Equipment.Journal.Head"));
  if (options.stepped) await equipment.advance(new Date(options.now));
  const found = await store(equipment);
  found.start = await equipment.call(`${CONTROL}.Start`, text(options.job.id), comment);
  if (whole(found.start[0]) !== 1) {
    const [, why] = await equipment.call("Equipment.Journal.LastRefusal", text(options.job.id));
    throw new Error(`job ${options.job.id} does not start: ${why}; ${JSON.stringify(found)}`);
  }
  await untilEnded(equipment);
  const [response, status] = await equipment.call(`${RESULTS}.RequestJobResponseByJobOrderID`, text(options.job.id));
  const said = Object.fromEntries(response.jobResponseData.map((one) => [one.ID, whole(one.value.value)]));
  found.response = { status: whole(status), state: response.jobState[0].stateNumber, ...said };
  const [journal, , , records] = await equipment.call(
    "Equipment.Journal.GetRecords", text(""), number(DataType.UInt64, [0, head]), number(DataType.UInt32, 100),
  );
  found.journal = journal;
  found.records = records.map(({ sequence, jobOrderID, body: { value: body } }) => ({
    sequence: whole(sequence), job: jobOrderID, body: body.schema.name, substrate: body.substrate,
    touched: body.touched && body.touched.reduce((sum, one) => sum + one, 0),
  }));
  found.clear = await equipment.call(`${CONTROL}.Clear`, text(options.job.id), comment);
  return found;
}

async function main() {
  const none = { securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None };
  const rogue = { certificateFile: options.rogueCertificate, privateKeyFile: options.rogueKey };
  const found = await connected({}, work);
  const refused = {
    policy_none: await refusal({ securityMode: MessageSecurityMode.None, client: none }),
    anonymous: await refusal({ anonymous: true }),
    wrong_password: await refusal({ user: { password: "wrong" } }),
    untrusted_certificate: await refusal({ client: rogue }),
  };
  print(JSON.stringify({ refused, ...found }));
}

// The library writes its remarks to stdout; only the findings belong there.
const print = console.log;
console.log = console.info = console.warn = console.error;
main().then(() => process.exit(0), (error) => { console.error(error.stack); process.exit(1); });
