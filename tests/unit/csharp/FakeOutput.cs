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
			return "op " + packet.OpCode + " n " + packet.SequenceNumber;
		}

		public bool SendDatagram(byte[] bytes, int count)
		{
			byte[] copy = new byte[count];
			Buffer.BlockCopy(bytes, 0, copy, 0, count);
			Datagrams.Add(copy);
			Lines.Add("udp> " + NameOf(bytes, count));
			return true;
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

		public void Closed(int code, string reason, bool isError)
		{
			Tell("closed " + code + (isError ? " error" : ""));
		}
	}
}
