// The Slack Web API of emulate, on a free port of loopback, until standard input ends. Prints its address.
import { createServer } from "node:net";
import { createEmulator } from "emulate";

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const scopes = (process.argv[2] ?? "").split(",").filter(Boolean);
const all = ["chat:write", "channels:history", "channels:read", "im:history", "im:read", "files:read", "pins:read"];
const emulator = await createEmulator({
  service: "slack",
  port,
  seed: {
    slack: {
      team: { name: "Ranch", domain: "ranch" },
      users: [{ name: "ann" }, { name: "bob" }],
      oauth_apps: [{
        client_id: "1.2", client_secret: "secret", app_id: "A0APP", name: "CommandCenter",
        redirect_uris: [], scopes, bot_id: "B0BOT", bot_user_id: "U0BOT", bot_name: "commandcenter",
      }],
      tokens: [
        {
          token: "xoxb-judge", type: "bot", user_id: "U0BOT", scopes, app_id: "A0APP", bot_id: "B0BOT",
          bot_user_id: "U0BOT",
        },
        { token: "xoxp-ann", type: "user", user_id: "U000000001", scopes: all },
      ],
      strict_scopes: true,
    },
  },
});
console.log(emulator.url);
process.stdin.resume();
process.stdin.on("end", async () => { await emulator.close(); process.exit(0); });
