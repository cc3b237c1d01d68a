using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	/// <summary>Bytes for tests: from hex, as a server's frames, at random from a seed.</summary>
	internal static class Bytes
	{
		public static byte[] Of(string hex)
		{
			byte[] bytes = new byte[hex.Length / 2];
			for (int i = 0; i < bytes.Length; i++)
				bytes[i] = byte.Parse(hex.Substring(2 * i, 2), NumberStyles.HexNumber);
			return bytes;
		}

		public static string Hex(byte[] bytes, int start, int count)
		{
			StringBuilder text = new StringBuilder();
			for (int i = 0; i < count; i++)
				text.Append(bytes[start + i].ToString("x2"));
			return text.ToString();
		}

		public static byte[] Join(params byte[][] parts)
		{
			List<byte> all = new List<byte>();
			foreach (byte[] part in parts)
				all.AddRange(part);
			return all.ToArray();
		}

		/// <summary>first: the first byte of the frame, 0x82 for a whole binary message.</summary>
		public static byte[] Frame(int first, byte[] payload)
		{
			byte[] head = payload.Length < 126 ? new[] {(byte)first, (byte)payload.Length}
				: payload.Length <= 65535 ? new[] {(byte)first, (byte)126, (byte)(payload.Length >> 8), (byte)payload.Length}
				: new byte[] {(byte)first, 127, 0, 0, 0, 0, 0, (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length};
			return Join(head, payload);
		}

		public static byte[] Message(Packet packet)
		{
			return Frame(0x82, PacketOf(packet));
		}

		public static byte[] PacketOf(Packet packet)
		{
			byte[] bytes = new byte[PacketWriter.RoomFor(ref packet)];
			int count = PacketWriter.Write(ref packet, bytes, 0);
			Array.Resize(ref bytes, count);
			return bytes;
		}

		/// <summary>A login result, which no client writes: peer id and port below 128.</summary>
		public static byte[] LoginResult(bool isSuccess, int peerId, int fastPort)
		{
			string result = (isSuccess ? "0801" : "") + "18" + peerId.ToString("x2") + (fastPort != 0 ? "20" + fastPort.ToString("x2") : "");
			string body = "0801" + "3001" + "fa01" + (result.Length / 2).ToString("x2") + result;
			return Of((body.Length / 2).ToString("x2") + body);
		}

		/// <summary>What a login result says of resuming, as fields to put in one; numbers below 128, but for the window.</summary>
		public static byte[] LoginResult(int peerId, string token, int windowMs, bool isResumed = false, int received = 0, int lost = 0)
		{
			byte[] room = new byte[128];
			WireWriter writer = new WireWriter(room, 0);
			writer.Int32(1, 1);
			writer.Data(2, Encoding.ASCII.GetBytes(token));
			writer.Int32(3, peerId);
			writer.Int32(16, isResumed ? 1 : 0);
			writer.Int32(17, windowMs);
			writer.Int32(18, received);
			writer.Int32(19, lost);
			string result = Hex(room, 0, writer.At), body = "0801" + "3001" + "fa01" + writer.At.ToString("x2") + result;
			return Frame(0x82, Of((body.Length / 2).ToString("x2") + body));
		}

		public static byte[] Upgraded(string key)
		{
			return Encoding.ASCII.GetBytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
						       Upgrade.AcceptOf(key) + "\r\n\r\n");
		}
	}

	/// <summary>Numbers that are the same for the same seed.</summary>
	internal sealed class Dice
	{
		private ulong state;

		public Dice(ulong seed)
		{
			state = seed * 0x9e3779b97f4a7c15UL + 1;
		}

		public int Below(int bound)
		{
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			return (int)(state % (ulong)bound);
		}

		/// <summary>A copy with some bytes changed, cut off, put in or doubled.</summary>
		public byte[] Mutate(byte[] bytes)
		{
			List<byte> list = new List<byte>(bytes);
			for (int i = 1 + Below(4); i > 0 && list.Count > 0; i--) {
				int at = Below(list.Count);
				switch (Below(5)) {
				case 0:
					list[at] = (byte)Below(256);
					break;
				case 1:
					list[at] ^= (byte)(1 << Below(8));
					break;
				case 2:
					list.RemoveRange(at, 1 + Below(list.Count - at));
					break;
				case 3:
					list.Insert(at, (byte)(Below(2) == 0 ? 0xff : Below(256)));
					break;
				default:
					list.InsertRange(at, list.GetRange(at, 1 + Below(list.Count - at)));
					break;
				}
			}
			return list.ToArray();
		}
	}
}
