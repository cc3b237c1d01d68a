using System;
using System.Collections.Generic;
using System.Text;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	/// <summary>Writes down what a core wants: frames unmasked, packets decoded by name, and what is told, each as one line.</summary>
	internal sealed class FakeOutput : ICoreOutput
	{
		public readonly List<string> Lines = new List<string>();
		public readonly List<byte[]> Datagrams = new List<byte[]>();
		public string Request = "";
		public bool HasUdp = true, HasRoom = true, HasReserve = true;
		public Action<string> OnTold;

		public string Key
		{
			get
			{
				int at = Request.IndexOf("Sec-WebSocket-Key: ", StringComparison.Ordinal) + 19;
				return Request.Substring(at, 24);
			}
		}

		public string Story
		{
			get { return string.Join("; ", Lines); }
		}

		public string Take()
		{
			string story = Story;
			Lines.Clear();
			return story;
		}

		private void Tell(string line)
		{
			Lines.Add(line);
			if (OnTold != null)
				OnTold(line);
		}

		public bool SendStream(byte[] bytes, int start, int count, bool isControl)
		{
			if (isControl ? !HasReserve : !HasRoom)
				return false;
			if (Request == "") {
				Request = Encoding.ASCII.GetString(bytes, start, count);
				return true;
			}
			Check.That((bytes[start + 1] & 0x80) != 0, "frames are masked");
			int at = start + ((bytes[start + 1] & 0x7f) == 126 ? 4 : 2);
			byte[] payload = new byte[start + count - at - 4];
			for (int i = 0; i < payload.Length; i++)
				payload[i] = (byte)(bytes[at + 4 + i] ^ bytes[at + (i & 3)]);
			Lines.Add("> " + NameOf((FrameOpcode)(bytes[start] & 15), payload));
			return true;
		}

		private static string NameOf(FrameOpcode opcode, byte[] payload)
		{
			if (opcode == FrameOpcode.Close)
				return "close " + (payload[0] << 8 | payload[1]);
			return opcode == FrameOpcode.Binary ? NameOf(payload, payload.Length) : opcode.ToString().ToLowerInvariant() + " " + payload.Length;
		}

		private static string NameOf(byte[] bytes, int count)
		{
			Packet packet;
			Check.That(PacketReader.TryRead(bytes, 0, count, out packet), "what the core sends can be read");
			if (packet.Command == PacketCommand.PingResult)
				return "read " + packet.Received;
			if (packet.Command == PacketCommand.Login && BackOf(bytes, count) != "")
				return BackOf(bytes, count);
			return "op " + packet.OpCode + " n " + packet.SequenceNumber;
		}

		/// <summary>What a login says of resuming; "" when it begins anew. PacketReader has no use for logins.</summary>
		private static string BackOf(byte[] bytes, int count)
		{
			WireReader reader = new WireReader(bytes, 0, count), packet, login = default(WireReader), token;
			int number;
			WireType type;
			ulong received = 0;
			reader.TryInner(out packet);
			while (packet.TryTag(out number, out type)) {
				if (number == (int)PacketCommand.Login)
					packet.TryInner(out login);
				else
					packet.TrySkip(type);
			}
			string text = "";
			while (login.Left > 0 && login.TryTag(out number, out type)) {
				if (number == 17 && login.TryInner(out token))
					text = "back with '" + Encoding.ASCII.GetString(token.Bytes, token.At, token.Left) + "', read ";
				else if (number != 18)
					login.TrySkip(type);
				else
					login.TryVarint(out received);
			}
			return text == "" ? "" : text + (int)received;
		}

		public bool SendDatagram(byte[] bytes, int count)
		{
			byte[] copy = new byte[count];
			Buffer.BlockCopy(bytes, 0, copy, 0, count);
			Datagrams.Add(copy);
			Lines.Add("udp> " + NamesOf(copy));
			return true;
		}

		private static string NamesOf(byte[] bytes)
		{
			List<string> names = new List<string>();
			for (int at = 0, count; at < bytes.Length; at += count) {
				byte[] one;
				Check.That(PacketReader.TrySplit(bytes, at, bytes.Length - at, out count), "a datagram is whole packets");
				one = new byte[count];
				Buffer.BlockCopy(bytes, at, one, 0, count);
				names.Add(NameOf(one, count));
			}
			return string.Join(" + ", names);
		}

		public bool OpenFast(int port)
		{
			return HasUdp;
		}

		public void Opened()
		{
			Tell("opened");
		}

		public void LoggedIn(int peerId)
		{
			Tell("logged in " + peerId);
		}

		public void LoginRefused()
		{
			Tell("refused");
		}

		public void FastUp()
		{
			Tell("fast up");
		}

		public void FastFailed(string reason)
		{
			Tell("fast failed");
		}

		public void MessageCame(ref Packet packet, bool isFast)
		{
			string text = packet.Payload == null ? "" : packet.Payload.Length > 40 ? packet.Payload.Length + " bytes" : Encoding.ASCII.GetString(packet.Payload);
			Tell((isFast ? "fast " : "") + "message " + packet.OpCode + " of " + packet.Sender + " '" + text + "'");
		}

		public void MembershipCame(ref Packet packet)
		{
			Tell("members of " + packet.Group + ": " + string.Join(",", packet.Players));
		}

		public void Dropped(string reason)
		{
			Tell("dropped");
		}

		public void Resumed(long lost)
		{
			Tell("resumed, lost " + lost);
		}

		public void Closed(int code, string reason, bool isError)
		{
			Tell("closed " + code + (isError ? " error" : ""));
		}
	}
}
