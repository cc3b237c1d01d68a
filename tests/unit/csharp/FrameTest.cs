using System;
using System.Text;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class FrameTest
	{
		public static void Add()
		{
			Runner.Add("frame/a server's frames are read", Read);
			Runner.Add("frame/a frame that has not come whole needs more", NeedMore);
			Runner.Add("frame/what RFC 6455 forbids is refused", Refused);
			Runner.Add("frame/too large is told from broken, and known from the head alone", Oversize);
			Runner.Add("frame/ours are masked and in their shortest form", Written);
			Runner.Add("frame/fragments become a message", Fragments);
			Runner.Add("frame/fragments out of order and text are refused", BadFragments);
			Runner.Add("frame/close codes and reasons", Close);
		}

		private static FrameResult Read(byte[] bytes, out Frame frame, out int taken, out int code)
		{
			return FrameReader.TryRead(bytes, 0, bytes.Length, out frame, out taken, out code);
		}

		private static void Read()
		{
			foreach (int size in new[] {0, 1, 125, 126, 127, 4096, Limits.PacketBytes}) {
				Frame frame;
				int taken, code;
				byte[] bytes = Bytes.Frame(0x82, new byte[size]);
				Check.That(Read(bytes, out frame, out taken, out code) == FrameResult.Whole, "whole");
				Check.Same(bytes.Length, taken, "taken");
				Check.Same(size, frame.PayloadBytes, "payload");
				Check.Same(bytes.Length - size, frame.PayloadStart, "start");
				Check.That(frame.IsFinal && frame.Opcode == FrameOpcode.Binary, "final and binary");
			}
		}

		private static void NeedMore()
		{
			byte[] bytes = Bytes.Frame(0x82, new byte[300]);
			for (int count = 0; count < bytes.Length; count++) {
				Frame frame;
				int taken, code;
				Check.That(FrameReader.TryRead(bytes, 0, count, out frame, out taken, out code) == FrameResult.NeedMore && taken == 0, "at " + count);
			}
		}

		private static void Broken(string hex, int expectedCode)
		{
			Frame frame;
			int taken, code;
			Check.That(Read(Bytes.Of(hex), out frame, out taken, out code) == FrameResult.Broken, hex + " is broken");
			Check.Same(expectedCode, code, hex);
		}

		private static void Refused()
		{
			foreach (string hex in new[] {
				"c200", "a200", "9200" /* reserved bits */, "828100000000aa" /* masked */, "8300", "8700", "8b00", "8f00" /* opcodes */,
				"0900", "0800", "0a00" /* control in fragments */, "897e007e", "887f" /* long control */,
				"827e007d" /* 125 in two bytes */, "827f000000000000ffff" /* 65535 in eight */, "827f8000000000000000"
			})
				Broken(hex, CloseCode.Protocol);
		}

		private static void Oversize()
		{
			Broken("827e4001", CloseCode.Oversize);
			Broken("827f0000000000010000", CloseCode.Oversize);
			Broken("827f7fffffffffffffff", CloseCode.Oversize);
		}

		private static void Written()
		{
			MaskSource masks = new MaskSource();
			foreach (int size in new[] {0, 1, 5, 125, 126, 4096, 65535, 65536}) {
				byte[] bytes = new byte[Limits.FrameHeadBytes + size];
				for (int i = 0; i < size; i++)
					bytes[Limits.FrameHeadBytes + i] = (byte)i;
				int start = FrameWriter.Write(FrameOpcode.Binary, bytes, size, masks);
				int lengthBytes = size > 65535 ? 8 : size > 125 ? 2 : 0;
				Check.Same(Limits.FrameHeadBytes - 6 - lengthBytes, start, "start");
				Check.Same(0x82, bytes[start], "first byte");
				Check.Same(0x80 | (lengthBytes == 8 ? 127 : lengthBytes == 2 ? 126 : size), bytes[start + 1], "second byte");
				for (int i = 0; i < size; i++)
					Check.Same((byte)i, bytes[Limits.FrameHeadBytes + i] ^ bytes[Limits.FrameHeadBytes - 4 + i % 4], "masked byte");
			}
		}

		private static bool Take(Assembler assembler, int first, string text, out string message, out int code)
		{
			byte[] bytes = Encoding.ASCII.GetBytes(text);
			Frame frame = new Frame {Opcode = (FrameOpcode)(first & 15), IsFinal = (first & 0x80) != 0, PayloadBytes = bytes.Length};
			int start = 0, count = bytes.Length;
			bool isMessage;
			bool isGood = assembler.TryTake(ref frame, ref bytes, ref start, ref count, out isMessage, out code);
			message = isGood && isMessage ? Encoding.ASCII.GetString(bytes, start, count) : null;
			return isGood;
		}

		private static void Fragments()
		{
			Assembler assembler = new Assembler();
			string message;
			int code;
			for (int round = 0; round < 2; round++) {
				Check.That(Take(assembler, 0x02, "one ", out message, out code) && message == null, "first");
				Check.That(Take(assembler, 0x00, "", out message, out code) && message == null, "nothing");
				Check.That(Take(assembler, 0x00, "two ", out message, out code) && message == null, "second");
				Check.That(Take(assembler, 0x80, "three", out message, out code), "last");
				Check.Same("one two three", message, "message");
				Check.That(Take(assembler, 0x82, "whole", out message, out code), "whole");
				Check.Same("whole", message, "message");
			}
		}

		private static void BadFragments()
		{
			string message, half = new string('x', Limits.PacketBytes / 2 + 1);
			int code;
			Check.That(!Take(new Assembler(), 0x80, "x", out message, out code) && code == CloseCode.Protocol, "an end without a beginning");
			Check.That(!Take(new Assembler(), 0x81, "x", out message, out code) && code == CloseCode.NotBinary, "text");
			Assembler assembler = new Assembler();
			Check.That(Take(assembler, 0x02, half, out message, out code), "half");
			Check.That(!Take(assembler, 0x82, "x", out message, out code) && code == CloseCode.Protocol, "another within");
			Check.That(!Take(assembler, 0x00, half, out message, out code) && code == CloseCode.Oversize, "more than a packet");
		}

		private static bool ReadClose(string hex, out CloseFrame close, out int badCode)
		{
			byte[] bytes = Bytes.Of(hex);
			return CloseFrame.TryRead(bytes, 0, bytes.Length, out close, out badCode);
		}

		private static void Close()
		{
			CloseFrame close;
			int badCode;
			Check.That(ReadClose("", out close, out badCode) && close.Code == CloseCode.None && close.Reason == "", "none");
			Check.That(ReadClose("0dafc3a4", out close, out badCode) && close.Code == 3503 && close.Reason == "\u00e4", "code and reason");
			foreach (int code in new[] {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
				Check.That(!ReadClose(code.ToString("x4"), out close, out badCode) && badCode == CloseCode.Protocol, code.ToString());
			Check.That(!ReadClose("03", out close, out badCode) && badCode == CloseCode.Protocol, "half a code");
			Check.That(!ReadClose("03e8c3", out close, out badCode) && badCode == CloseCode.BadUtf8, "half a character");
			Check.That(!ReadClose("03e8eda080", out close, out badCode) && badCode == CloseCode.BadUtf8, "half a surrogate");
		}
	}
}
