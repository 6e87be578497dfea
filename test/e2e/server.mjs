// The real program with the demo company, on a port and in a directory of its own.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const patience = 60_000;

/** freeAddress is where a server may come back to: below the ports of outgoing connections, of which anybody may have one while it is away. */
async function freeAddress() {
  for (let tries = 0; tries < 200; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    const free = await new Promise((resolve) => probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => probe.close(() => resolve(true))));
    if (free) return `127.0.0.1:${port}`;
  }
  throw new Error("no port between 20000 and 29999 is free");
}

export class Server {
  /** @param {{ data: string, listen: string, flags: string[] }} at */
  constructor(at) {
    this.at = at;
    this.output = "";
  }

  /** start begins a server with the demo company; what it prints says who can sign in. */
  static async start(...flags) {
    const data = join(await mkdtemp(join(tmpdir(), "bida-e2e-")), "data");
    const server = new Server({ data, listen: await freeAddress(), flags });
    await server.run();
    return server;
  }

  async run() {
    const program = process.env.BIDA_BIN;
    if (!program) throw new Error("BIDA_BIN does not name the program; run make test");
    this.output = "";
    this.process = spawn(program, ["serve", "--demo", "--data", this.at.data, "--listen", this.at.listen, ...this.at.flags], {
      stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: this.at.data, LANG: "en_GB.UTF-8", TZ: "Asia/Shanghai" },
    });
    this.ended = new Promise((resolve) => this.process.once("exit", (code, signal) => resolve(code ?? signal)));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (text) => (this.output += text));
    const found = await this.said(/Bida 必达\s+(http:\/\/\S+)[\s\S]*Password of every account\s+(\S+)/);
    [, this.url, this.password] = found;
  }

  /** said waits until the server has printed something. */
  async said(pattern) {
    const until = Date.now() + patience;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (Date.now() > until || this.process.exitCode !== null) throw new Error(`the server has not said ${pattern}:\n${this.output}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  }

  /** kill ends the program as a power cut would. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
    await rm(join(this.at.data, ".."), { recursive: true, force: true });
  }

  /** as gives a function that calls the API as an account, with a session of its own. */
  async as(account) {
    const answer = await fetch(`${this.url}/api/v1/sign-in`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ account, password: this.password }),
    });
    if (!answer.ok) throw new Error(`${account} cannot sign in: ${answer.status} ${await answer.text()}`);
    const cookie = answer.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
    return async (method, path, body, headers = {}) => {
      const r = await fetch(`${this.url}/api/v1${path}`, {
        method, headers: { Cookie: cookie, Origin: this.url, "Accept-Language": "zh", ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await r.text();
      if (!r.ok) throw new Error(`${method} ${path} as ${account}: ${r.status} ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    };
  }
}
