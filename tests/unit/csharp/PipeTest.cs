using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Ringcast.Realtime.Link;

namespace Ringcast.Realtime.Tests
{
	internal static class PipeTest
	{
		public static void Add()
		{
			Runner.Add("pipe/who reads is woken by the pump, or finds what has come", Reading);
			Runner.Add("pipe/the end is told to whoever waits, and later", Ending);
			Runner.Add("pipe/what is written waits for the socket, within its bound", Writing);
			Runner.Add("pipe/any pieces, in order", Pieces);
			Runner.Add("pipe/begin and end, for platforms that use them", BeginEnd);
		}

		/// <summary>A socket that a test fills and empties.</summary>
		private sealed class Wire : ByteStream
		{
			public readonly Queue<byte> Incoming = new Queue<byte>();
			public readonly List<byte> Outgoing = new List<byte>();
			public int Room = int.MaxValue;
			public bool HasEnded, IsDisposed;

			public override bool IsReady()
			{
				return true;
			}

			public override bool IsIdle()
			{
				return true;
			}

			public override int Read(byte[] bytes, int start, int count)
			{
				int read = 0;
				for (; read < count && Incoming.Count > 0; read++)
					bytes[start + read] = Incoming.Dequeue();
				return read > 0 ? read : HasEnded ? 0 : WouldWait;
			}

			public override int Write(byte[] bytes, int start, int count)
			{
				int written = Math.Min(count, Room - Outgoing.Count);
				for (int i = 0; i < written; i++)
					Outgoing.Add(bytes[start + i]);
				return written > 0 ? written : WouldWait;
			}

			public override void Dispose()
			{
				IsDisposed = true;
			}
		}

		private static Task<int> Read(CipherPipe pipe, byte[] bytes)
		{
			return pipe.ReadAsync(bytes, 0, bytes.Length, CancellationToken.None);
		}

		private static void Reading()
		{
			Wire wire = new Wire();
			CipherPipe pipe = new CipherPipe(wire);
			byte[] bytes = new byte[4];
			Task<int> reading = Read(pipe, bytes);
			pipe.Pump();
			Check.That(!reading.IsCompleted, "nothing has come");
			Check.Throws<InvalidOperationException>(() => Read(pipe, bytes), "a second reader");
			foreach (byte b in new byte[] {1, 2, 3, 4, 5, 6})
				wire.Incoming.Enqueue(b);
			pipe.Pump();
			Check.That(reading.IsCompleted && reading.Result == 4 && bytes[3] == 4, "four");
			reading = Read(pipe, bytes);
			Check.That(reading.IsCompleted && reading.Result == 2 && bytes[0] == 5, "two, at once");
		}

		private static void Ending()
		{
			Wire wire = new Wire();
			CipherPipe pipe = new CipherPipe(wire);
			Task<int> reading = Read(pipe, new byte[4]);
			wire.HasEnded = true;
			pipe.Pump();
			Check.That(reading.IsCompleted && reading.Result == 0, "the end");
			Check.Same(0, Read(pipe, new byte[4]).Result, "and again");
			pipe = new CipherPipe(new Wire());
			reading = Read(pipe, new byte[4]);
			pipe.Dispose();
			Check.That(reading.IsCompleted && reading.Result == 0, "the end by ours");
		}

		private static void Writing()
		{
			Wire wire = new Wire {Room = 0};
			CipherPipe pipe = new CipherPipe(wire);
			int count = 0;
			Check.Throws<IOException>(() => {
				for (; count < 1000; count++)
					pipe.Write(new byte[1024], 0, 1024);
			}, "a bound");
			Check.Same(64, count, "kilobytes");
			Check.That(!pipe.IsIdle, "it waits");
			wire.Room = int.MaxValue;
			pipe.Pump();
			Check.That(pipe.IsIdle && wire.Outgoing.Count == 65536, "gone");
		}

		private static void Pieces()
		{
			Wire wire = new Wire();
			CipherPipe pipe = new CipherPipe(wire);
			Dice dice = new Dice(6);
			byte next = 0, expected = 0;
			byte[] bytes = new byte[5000];
			Task<int> reading = null;
			for (int i = 0; i < 5000; i++) {
				for (int k = dice.Below(4000); k > 0; k--)
					wire.Incoming.Enqueue(next++);
				pipe.Pump();
				reading = reading ?? pipe.ReadAsync(bytes, 0, 1 + dice.Below(bytes.Length), CancellationToken.None);
				if (!reading.IsCompleted)
					continue;
				for (int k = 0; k < reading.Result; k++)
					Check.Same(expected++, bytes[k], "order");
				reading = null;
			}
		}

		private static void BeginEnd()
		{
			Wire wire = new Wire();
			CipherPipe pipe = new CipherPipe(wire);
			ManualResetEvent called = new ManualResetEvent(false);
			byte[] bytes = {7, 0};
			IAsyncResult writing = pipe.BeginWrite(bytes, 0, 1, null, "state");
			Check.That(writing.IsCompleted && (string)writing.AsyncState == "state", "written");
			pipe.EndWrite(writing);
			IAsyncResult reading = pipe.BeginRead(bytes, 0, 2, result => called.Set(), "state");
			wire.Incoming.Enqueue(9);
			pipe.Pump();
			Check.That(called.WaitOne(60000), "called back");
			Check.That(pipe.EndRead(reading) == 1 && bytes[0] == 9 && (string)reading.AsyncState == "state" && wire.Outgoing[0] == 7, "read");
		}
	}
}
