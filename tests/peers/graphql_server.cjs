// A graphql-ws server that pings by messages too, as the protocol allows, and terminates whoever does not answer them.
// It prints its port, and ends with its standard input.
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/use/ws");
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => console.log(server.address().port));
useServer(
  {
    schema: buildSchema("type Query { hello: String }"),
    connectionInitWaitTimeout: 1000,
    onConnect: ({ extra: { socket } }) => {
      let answered = true;
      socket.on("message", (data) => {
        answered ||= JSON.parse(String(data)).type === "pong";
      });
      const ping = setInterval(() => {
        if (!answered) return socket.terminate();
        answered = false;
        socket.send('{"type":"ping"}');
      }, 500);
      socket.once("close", () => clearInterval(ping));
    },
  },
  server,
);
process.stdin.on("end", () => process.exit(0)).resume();
