using System;
using System.Net.Sockets;
using Ringcast.Realtime.Link;

namespace Ringcast.Realtime.Tests
{
	internal static class LinkTest
	{
		public static void Add()
		{
			Runner.Add("link/the host of an endpoint", Host);
			Runner.Add("link/what is no host is refused", NoHost);
			Runner.Add("link/the send queue keeps order and its bound", Queue);
			Runner.Add("link/the gate, row by row", Rows);
		}

		private static void Host()
		{
			foreach (string endpoint in new[] {"game.example", " game.example ", "ws://game.example", "wss://game.example:7777/websocket", "game.example:80", "game.example/x?y"})
				Check.Same("game.example", Endpoint.HostOf(endpoint), endpoint);
			Check.Same("127.0.0.1", Endpoint.HostOf("http://127.0.0.1:1/"), "address");
			foreach (string endpoint in new[] {"::1", "[::1]", "[::1]:80", "ws://[::1]:80/"})
				Check.Same("::1", Endpoint.HostOf(endpoint), endpoint);
		}

		private static void NoHost()
		{
			foreach (string endpoint in new[] {"", " ", "ws://", "a b", "a\r\nHost: b", "a@b", "[::1", new string('a', 254), "h\u00f6st"})
				Check.Throws<ArgumentException>(() => Endpoint.HostOf(endpoint), endpoint);
			Check.Throws<ArgumentNullException>(() => Endpoint.HostOf(null), "null");
		}

		/// <summary>Takes so many bytes at a time.</summary>
		internal sealed class SlowStream : ByteStream
		{
			/// <summary>IsReset: the other end is gone, and only IsIdle has noticed. IsAnything: what is written does not matter.</summary>
			public bool IsReset, IsAnything;
			public int Budget;
			public byte Next;

			public override bool IsReady()
			{
				return true;
			}

			public override bool IsIdle()
			{
				if (IsReset)
					throw new SocketException((int)SocketError.ConnectionReset);
				return true;
			}

			public override int Read(byte[] bytes, int start, int count)
			{
				return WouldWait;
			}

			public override int Write(byte[] bytes, int start, int count)
			{
				int taken = Math.Min(count, Budget);
				for (int i = 0; i < taken && !IsAnything; i++)
					Check.Same(Next++, bytes[start + i], "order");
				Budget -= taken;
				return taken > 0 ? taken : WouldWait;
			}

			public override void Dispose()
			{
			}
		}

		private static void Queue()
		{
			SendQueue queue = new SendQueue(20000);
			SlowStream stream = new SlowStream();
			Dice dice = new Dice(2);
			byte next = 0;
			for (int i = 0; i < 5000; i++) {
				byte[] bytes = new byte[dice.Below(900)];
				for (int k = 0; k < bytes.Length; k++)
					bytes[k] = (byte)(next + k);
				bool isIn = queue.TryAdd(bytes, 0, bytes.Length, false);
				Check.That(isIn || queue.Count + bytes.Length > 20000, "refused at the bound only");
				Check.That(queue.Count <= 20000, "the bound holds");
				next += isIn ? (byte)bytes.Length : (byte)0;
				stream.Budget = dice.Below(900);
				queue.Flush(stream);
			}
			while (queue.TryAdd(new[] {next}, 0, 1, false))
				next++;
			Check.Same(20000, queue.Count, "full");
			Check.That(queue.TryAdd(new[] {next++}, 0, 1, true), "a control frame finds room");
			stream.Budget = 30000;
			queue.Flush(stream);
			Check.Same(0, queue.Count, "empty");
			Check.Same(next, stream.Next, "all of it");
		}

		private static void Rows()
		{
			Check.That(Gate.Judge(-1, Place.StreamLogin) == Verdict.LoginResult, "login result");
			Check.That(Gate.Judge(-1, Place.StreamOpen) == Verdict.Drop, "a second login result");
			Check.That(Gate.Judge(-1, Place.FastUp) == Verdict.Drop, "a login result by UDP");
			Check.That(Gate.Judge(-6, Place.FastHello) == Verdict.FastAck, "acknowledgement");
			Check.That(Gate.Judge(-6, Place.StreamOpen) == Verdict.Drop, "acknowledgement by the stream");
			Check.That(Gate.Judge(-13, Place.StreamOpen) == Verdict.Membership, "membership");
			Check.That(Gate.Judge(-15, Place.FastUp) == Verdict.Drop, "identity: there is no DTLS");
			foreach (int opCode in new[] {0, 1, -3, -5, -7, -14, -500, int.MaxValue, int.MinValue}) {
				Check.That(Gate.Judge(opCode, Place.StreamOpen) == Verdict.Message, opCode + " is the game's");
				Check.That(Gate.Judge(opCode, Place.StreamClosing) == Verdict.Drop, opCode + " while closing");
			}
		}
	}
}
