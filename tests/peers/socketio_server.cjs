// A Socket.IO server with short ping times. It prints its port, and ends with its standard input.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { pingInterval: 400, pingTimeout: 800 });
io.on("connection", (socket) => socket.emit("welcome", socket.id));
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
