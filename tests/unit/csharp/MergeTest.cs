using System;
using System.Collections.Generic;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	/// <summary>Several fast messages in one datagram: what is sent so, and when, and what is read.</summary>
	internal static class MergeTest
	{
		public static void Add()
		{
			Runner.Add("merge/what is sent between two flushes shares a datagram", Shares);
			Runner.Add("merge/a server that does not take them gets each by itself", Refused);
			Runner.Add("merge/no larger than the server sends them, nor than a path carries", Bound);
			Runner.Add("merge/one that is too large goes alone and in order", TooLarge);
			Runner.Add("merge/what waits goes before a hello and before a goodbye", Order);
			Runner.Add("merge/what waits at the end is counted", Ended);
			Runner.Add("merge/what comes in one datagram is told, up to what is none", Reads);
			Runner.Add("merge/nobody asked for several", Unasked);
			Runner.Add("merge/one datagram does not stand for thousands", TooMany);
			Runner.Add("merge/a handler that throws costs the others nothing", Thrown);
		}

		/// <summary>A login result with port 100, and with field 20 for these bytes.</summary>
		private static byte[] Result(int mergeBytes)
		{
			string bytes = "";
			for (ulong rest = (ulong)mergeBytes, more = 1; more > 0; rest >>= 7) {
				more = rest > 127 ? 1u : 0u;
				bytes += ((rest & 127) | more << 7).ToString("x2");
			}
			string result = "080118032064" + (mergeBytes == 0 ? "" : "a001" + bytes), body = "0801fa01" + (result.Length / 2).ToString("x2") + result;
			return Bytes.Of((body.Length / 2).ToString("x2") + body);
		}

		private static World Up(int mergeBytes, bool mayMerge = true)
		{
			World world = new World(new ClientConfiguration {PingIntervalMs = 0, FastKeepaliveMs = 1000, MayMerge = mayMerge});
			world.Stream(Bytes.Upgraded(world.Output.Key));
			world.Stream(Bytes.Frame(0x82, Result(mergeBytes)));
			world.Datagram(new Packet {OpCode = -6, SequenceNumber = 0, Sender = -1, TargetPlayer = 3, Command = PacketCommand.UdpConnect});
			world.Output.Take();
			world.Output.Datagrams.Clear();
			return world;
		}

		private static void Say(World world, int times, int bytes)
		{
			for (int i = 0; i < times; i++)
				Check.That(world.Core.Send(10, 2, 0, new byte[bytes], true) == SendResult.SentFast, "fast");
		}

		private static void Shares()
		{
			World world = Up(1200);
			Say(world, 3, 40);
			Check.Same("", world.Output.Take(), "they wait");
			world.Core.FastPath.Flush();
			Check.Same("udp> op 10 n 2 + op 10 n 3 + op 10 n 4", world.Output.Take(), "one datagram");
			Check.Same(1, world.Core.Fast.DatagramsMerged, "counted");
			Say(world, 1, 40);
			world.Core.FastPath.Flush();
			world.Core.FastPath.Flush();
			Check.Same("udp> op 10 n 5", world.Output.Take(), "alone, and once");
			Check.Same(1, world.Core.Fast.DatagramsMerged, "one is not several");
		}

		private static void Refused()
		{
			World world = Up(0);
			Say(world, 2, 40);
			Check.Same("udp> op 10 n 2; udp> op 10 n 3", world.Output.Take(), "at once");
			world = Up(1200, false);
			Say(world, 2, 40);
			Check.Same("udp> op 10 n 2; udp> op 10 n 3", world.Output.Take(), "and who did not ask");
		}

		private static void Bound()
		{
			foreach (int mergeBytes in new[] {300, 1200, 1400, int.MaxValue}) {
				World world = Up(mergeBytes);
				Say(world, 25, 70);
				world.Core.FastPath.Flush();
				foreach (byte[] datagram in world.Output.Datagrams)
					Check.That(datagram.Length <= Math.Min(mergeBytes, 1200), datagram.Length + " bytes of " + mergeBytes);
				Check.That(world.Output.Datagrams.Count < 25, "merged");
			}
			World many = Up(1200);
			Say(many, 300, 0);
			many.Core.FastPath.Flush();
			foreach (string line in many.Output.Lines)
				Check.That(line.Split('+').Length <= 128, "no more than a server reads");
		}

		private static void TooLarge()
		{
			World world = Up(300);
			Say(world, 2, 40);
			Say(world, 1, 1200);
			Say(world, 1, 40);
			world.Core.FastPath.Flush();
			Check.Same("udp> op 10 n 2 + op 10 n 3; udp> op 10 n 4; udp> op 10 n 5", world.Output.Take(), "in order");
		}

		private static void Order()
		{
			World world = Up(1200);
			Say(world, 2, 40);
			world.Pass(1000);
			Check.Same("udp> op 10 n 2 + op 10 n 3; udp> op -5 n 4", world.Output.Take(), "a hello");
			Say(world, 2, 40);
			world.Core.Close(1000, world.NowUs);
			Check.Same("udp> op 10 n 5 + op 10 n 6; > close 1000", world.Output.Take(), "a goodbye");
		}

		private static void Ended()
		{
			World world = Up(1200);
			Say(world, 3, 40);
			world.Core.EndStream("reset", world.NowUs);
			Check.Same("closed 1006 error", world.Output.Take(), "nothing goes out");
			Check.Same(3, world.Core.Fast.MessagesUnsent, "counted");
		}

		private static byte[] Several(int count, string rest)
		{
			List<byte> bytes = new List<byte>();
			for (int i = 1; i <= count; i++)
				bytes.AddRange(Bytes.PacketOf(new Packet {OpCode = 10 + i, Sender = 2, SequenceNumber = i}));
			bytes.AddRange(Bytes.Of(rest));
			return bytes.ToArray();
		}

		private static void Take(World world, byte[] bytes)
		{
			world.Core.TakeDatagram(bytes, bytes.Length, world.NowUs);
		}

		private static void Reads()
		{
			World world = Up(1200);
			Take(world, Several(2, "7f08"));
			Check.Same("fast message 11 of 2 ''; fast message 12 of 2 ''", world.Output.Take(), "two, and half a third");
			Check.Same(1, world.Core.Fast.PacketsDropped, "which is dropped");
		}

		private static void Unasked()
		{
			foreach (World world in new[] {Up(0), Up(1200, false)}) {
				Take(world, Several(2, ""));
				Check.Same("", world.Output.Take(), "no packet");
				Check.Same(1, world.Core.Fast.PacketsDropped, "one datagram");
			}
		}

		private static void TooMany()
		{
			World world = Up(1200);
			Take(world, new byte[2048]); /* each is a packet of no bytes */
			Check.Same(129, world.Core.Fast.PacketsDropped, "128, and the rest as one");
		}

		private static void Thrown()
		{
			World world = Up(1200);
			world.Output.OnTold = line => {
				throw new InvalidOperationException("of the game");
			};
			Check.Throws<InvalidOperationException>(() => Take(world, Several(3, "")), "the first");
			Check.Throws<InvalidOperationException>(() => world.Core.TakeDatagramRest(world.NowUs), "the second");
			world.Output.OnTold = null;
			world.Core.TakeDatagramRest(world.NowUs);
			world.Core.TakeDatagramRest(world.NowUs);
			Check.Same("fast message 11 of 2 ''; fast message 12 of 2 ''; fast message 13 of 2 ''", world.Output.Take(), "each once");
		}
	}
}
