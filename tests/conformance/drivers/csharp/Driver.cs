using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Ringcast.Realtime;
using Ringcast.Realtime.Command;
using Ringcast.Realtime.Event;
using Ringcast.Realtime.Types;

/// <summary>The C# client behind the driver protocol of tests/conformance/README.md.</summary>
internal sealed class Driver
{
	private readonly BlockingCollection<string> lines = new BlockingCollection<string>();
	private Client client = new Client();
	private bool isOver, isHeld;
	private int pollCount, messagePollCount, lastMessagePoll;

	private static int Main()
	{
		Driver driver = new Driver();
		Thread reader = new Thread(driver.ReadLines) {IsBackground = true};
		ClientLogger.LogHandler = line => Console.Error.WriteLine(line);
		Say("driver", "csharp", "can", new[] {"fast", "frames", "reset", "resume", "merge"});
		reader.Start();
		while (!driver.isOver) {
			string line;
			if (driver.lines.TryTake(out line, 1))
				driver.Obey(Json.Parse(line));
			else if (driver.lines.IsCompleted)
				break;
			driver.Poll();
		}
		driver.client.Dispose();
		return 0;
	}

	private void Poll()
	{
		if (isHeld)
			return;
		pollCount++;
		client.Poll();
	}

	private void ReadLines()
	{
		string line;
		while ((line = Console.In.ReadLine()) != null)
			lines.Add(line);
		lines.CompleteAdding();
	}

	private static void Say(params object[] pairs)
	{
		Console.Out.WriteLine(Json.Object(pairs));
		Console.Out.Flush();
	}

	private static int Number(Dictionary<string, object> command, string name, int otherwise = 0)
	{
		object value;
		return command.TryGetValue(name, out value) && value is long ? (int)(long)value : otherwise;
	}

	private static string Text(Dictionary<string, object> command, string name)
	{
		object value;
		return command.TryGetValue(name, out value) && value is string ? (string)value : "";
	}

	private static bool Is(Dictionary<string, object> command, string name)
	{
		object value;
		return command.TryGetValue(name, out value) && value is bool && (bool)value;
	}

	private static byte[] BytesOf(string hex)
	{
		byte[] bytes = new byte[hex.Length / 2];
		for (int i = 0; i < bytes.Length; i++)
			bytes[i] = byte.Parse(hex.Substring(2 * i, 2), NumberStyles.HexNumber);
		return bytes;
	}

	private static string HexOf(byte[] bytes)
	{
		StringBuilder hex = new StringBuilder();
		foreach (byte b in bytes)
			hex.Append(b.ToString("x2"));
		return hex.ToString();
	}

	private void Obey(Dictionary<string, object> command)
	{
		int id = Number(command, "id"), sent = 0;
		string result = "ok";
		switch (Text(command, "do")) {
		case "connect":
			result = Connect(command);
			break;
		case "send":
			result = Send(command, out sent);
			Say("id", id, "result", result, "sent", sent);
			return;
		case "join":
			result = NameOf(client.JoinGroup(Number(command, "group")));
			break;
		case "leave":
			result = NameOf(client.LeaveGroup(Number(command, "group")));
			break;
		case "members":
			result = NameOf(client.RequestGroupMembership(Number(command, "group")));
			break;
		case "disconnect":
			result = Disconnect();
			break;
		case "stats":
			Say("id", id, "result", result, "stats", Stats());
			return;
		case "hold": /* no frames until "on": true comes; not of the driver protocol */
			isHeld = !Is(command, "on");
			break;
		case "reset":
			client.Dispose(); /* it tells nothing any more */
			client = new Client();
			break;
		case "quit":
			isOver = true;
			break;
		default:
			result = "argument";
			break;
		}
		Say("id", id, "result", result);
	}

	private static string NameOf(SendResult result)
	{
		switch (result) {
		case SendResult.NotConnected:
			return "state";
		case SendResult.Full:
			return "full";
		case SendResult.Invalid:
			return "argument";
		default:
			return "ok";
		}
	}

	private string Connect(Dictionary<string, object> command)
	{
		ConnectionToken token;
		try {
			token = new ConnectionToken(Text(command, "token"), BytesOf(Text(command, "payload")));
		} catch (ArgumentException) {
			return "size";
		}
		ClientConfiguration configuration = new ClientConfiguration {
			IsFastOff = !Is(command, "fast"), ConnectTimeoutMs = Number(command, "connect_timeout_ms"), CloseTimeoutMs = Number(command, "close_timeout_ms"),
			PingIntervalMs = Number(command, "ping_interval_ms"), MayResume = Is(command, "resume"), MayMerge = Is(command, "merge"), NoEcho = Is(command, "no_echo")
		};
		configuration.KeptBytesMax = Number(command, "kept_bytes_max", configuration.KeptBytesMax);
		configuration.SendQueueBytesMax = Number(command, "outq_bytes_max", configuration.SendQueueBytesMax);
		Extend(configuration, command);
		if (State == "idle") { /* else it is the client's to say what becomes of it */
			client = new Client(configuration);
			Listen();
		}
		ClientSession before = client.Session;
		client.Connect(Text(command, "host"), Number(command, "port"), 0, token);
		return ReferenceEquals(before, client.Session) ? "state" : "ok";
	}

	/// <summary>What the client says, and nothing of our own: one that is wrong about it must not pass.</summary>
	private string State
	{
		get
		{
			switch (client.Status) {
			case ConnectionStatus.READY:
			case ConnectionStatus.DISCONNECTED:
				return "idle";
			case ConnectionStatus.DISCONNECTED_CLIENT_CALL:
				return client.CloseCode == 0 ? "closing" : "idle";
			case ConnectionStatus.RESUMING:
				return "resuming";
			default:
				return client.ConnectedAndReady ? "connected" : "connecting";
			}
		}
	}

	/// <summary>Keys that the driver protocol does not have; tests/e2e/csharp_test.py uses them.</summary>
	private static void Extend(ClientConfiguration configuration, Dictionary<string, object> command)
	{
		string pin = Text(command, "pin");
		configuration.FastKeepaliveMs = Number(command, "fast_keepalive_ms", configuration.FastKeepaliveMs);
		if (Is(command, "secure"))
			configuration.ConnectionType = ConnectionType.RT_OVER_WSS_DTLS_TLS12;
		if (command.ContainsKey("server_name"))
			configuration.ServerName = Text(command, "server_name");
		if (pin != "")
			configuration.CertificateCheck = (sender, certificate, chain, errors) => certificate.GetCertHashString() == pin;
	}

	private void Listen()
	{
		client.ConnectionError += (sender, e) => Console.Error.WriteLine("error: " + e.Exception);
		client.ConnectionReady += (sender, e) => Say("event", "connected", "peer", client.Session.ConnectedPeerId);
		client.FastChanged += (sender, e) => Say("event", client.CanSendFast() ? "fast_ready" : "fast_failed");
		client.DataReceived += (sender, e) => {
			messagePollCount += lastMessagePoll != pollCount ? 1 : 0;
			lastMessagePoll = pollCount;
			Say("event", "message", "opcode", e.OpCode, "sender", e.Sender, "player", e.TargetPlayer, "group", e.TargetGroup, "fast", e.IsFast, "payload", HexOf(e.Data));
		};
		client.GroupMembershipUpdated += (sender, e) => Say("event", "membership", "group", e.GroupId, "peers", e.PlayerIds);
		client.Dropped += (sender, e) => Say("event", "dropped", "reason", e.Reason);
		client.Resumed += (sender, e) => Say("event", "resumed", "lost", e.Lost);
		client.ConnectionClose += (sender, e) => Say("event", "disconnected", "code", client.CloseCode, "reason", client.CloseReason);
	}

	private string Disconnect()
	{
		string before = State;
		client.Disconnect();
		return before == "idle" || before == "closing" ? "state" : "ok";
	}

	private string Send(Dictionary<string, object> command, out int sent)
	{
		byte[] payload = BytesOf(Text(command, "payload"));
		string result = "ok";
		sent = 0;
		if (command.ContainsKey("bytes"))
			payload = Encoding.ASCII.GetBytes(new string('x', Number(command, "bytes")));
		RTMessage message = client.NewMessage(Number(command, "opcode")).WithTargetPlayer(Number(command, "player")).WithTargetGroup(Number(command, "group"))
			.WithDeliveryIntent(Is(command, "fast") ? DeliveryIntent.Fast : DeliveryIntent.Reliable);
		try {
			message.WithPayload(payload);
		} catch (ArgumentException) {
			return "size";
		}
		for (int count = Number(command, "count", 1); sent < count && result == "ok"; ) {
			result = NameOf(client.SendMessage(message));
			sent += result == "ok" ? 1 : 0;
		}
		return result;
	}

	private Json.Raw Stats()
	{
		ConnectionStats reliable = client.GetReliableConnectionStats(), fast = client.GetFastConnectionStats();
		long rttNs = client.RoundTripMs < 0 ? 0 : (long)(client.RoundTripMs * 1e6);
		return new Json.Raw(Json.Object("state", State, "peer", client.Session.ConnectedPeerId, "rtt_ns", rttNs, "sent_reliable", reliable.MessagesSent,
			"sent_fast", fast.MessagesSent, "received_reliable", reliable.MessagesReceived, "received_fast", fast.MessagesReceived,
			"bytes_sent", reliable.BytesSent + fast.BytesSent, "bytes_received", reliable.BytesReceived + fast.BytesReceived,
			"fast_fallback", client.FallbackCount, "outq_bytes", client.QueuedBytes, "resumes", client.ResumeCount, "gaps", client.GapCount, "resent", client.ResentCount, "datagrams_merged", fast.DatagramsMerged, "dropped_fast", fast.PacketsDropped, "message_polls", messagePollCount, "fast_refusal", client.FastRefusal ?? "", "is_in_group_5", client.Session.IsInGroup(5)));
	}
}
