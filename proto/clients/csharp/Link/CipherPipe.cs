using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// What SslStream has for a network: encrypted bytes in memory, moved from and to the socket by Pump, so that whatever has come is there without a wait.
	/// SslStream may go on in the platform's threads, hence the lock.
	/// </summary>
	internal sealed class CipherPipe : Stream
	{
		private const int InBytes = 32 * 1024, OutBytes = 64 * 1024;

		private readonly object gate = new object();
		private readonly ByteStream raw;
		private readonly SendQueue outgoing = new SendQueue(OutBytes);
		private readonly byte[] incoming = new byte[InBytes];
		private int start, count;
		private bool hasEnded;
		private TaskCompletionSource<int> reader;
		private ArraySegment<byte> readerRoom;

		public CipherPipe(ByteStream raw)
		{
			this.raw = raw;
		}

		public bool IsIdle
		{
			get
			{
				lock (gate)
					return outgoing.Count == 0;
			}
		}

		/// <summary>Sends what waits, takes what has come, and wakes who waits for it. Throws as the socket does.</summary>
		public void Pump()
		{
			TaskCompletionSource<int> woken = null;
			int read = 0;
			lock (gate) {
				outgoing.Flush(raw);
				Fill();
				if (reader != null && (count > 0 || hasEnded)) {
					woken = reader;
					reader = null;
					read = Take(readerRoom.Array, readerRoom.Offset, readerRoom.Count);
				}
			}
			if (woken != null)
				woken.SetResult(read); /* outside the lock: SslStream goes on from in here */
		}

		private void Fill()
		{
			if (count == 0)
				start = 0;
			int room = incoming.Length - start - count;
			if (hasEnded || room == 0)
				return;
			int read = raw.Read(incoming, start + count, room);
			hasEnded = read == 0;
			count += Math.Max(read, 0);
		}

		private int Take(byte[] bytes, int offset, int most)
		{
			int taken = Math.Min(count, most);
			Buffer.BlockCopy(incoming, start, bytes, offset, taken);
			start += taken;
			count -= taken;
			return taken;
		}

		private Task<int> BeginTake(byte[] bytes, int offset, int most, object state)
		{
			TaskCompletionSource<int> taking = new TaskCompletionSource<int>(state);
			lock (gate) {
				if (reader != null)
					throw new InvalidOperationException("two reads at once");
				if (count == 0 && !hasEnded) {
					reader = taking;
					readerRoom = new ArraySegment<byte>(bytes, offset, most);
				} else {
					taking.SetResult(Take(bytes, offset, most));
				}
			}
			return taking.Task;
		}

		public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellation)
		{
			return BeginTake(buffer, offset, count, null);
		}

		public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellation)
		{
			Write(buffer, offset, count);
			return Task.FromResult(0);
		}

		public override void Write(byte[] buffer, int offset, int count)
		{
			lock (gate) {
				if (!outgoing.TryAdd(buffer, offset, count, false))
					throw new IOException("more encrypted bytes than may wait");
			}
		}

		/* Some platforms' SslStream uses these. */

		public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback callback, object state)
		{
			Task<int> taking = BeginTake(buffer, offset, count, state);
			if (callback != null)
				taking.ContinueWith(task => callback(task));
			return taking;
		}

		public override int EndRead(IAsyncResult result)
		{
			return ((Task<int>)result).GetAwaiter().GetResult();
		}

		public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback callback, object state)
		{
			TaskCompletionSource<int> written = new TaskCompletionSource<int>(state);
			Write(buffer, offset, count);
			written.SetResult(count);
			if (callback != null)
				callback(written.Task);
			return written.Task;
		}

		public override void EndWrite(IAsyncResult result)
		{
		}

		public override void Flush()
		{
		}

		public override bool CanRead
		{
			get { return true; }
		}

		public override bool CanWrite
		{
			get { return true; }
		}

		public override bool CanSeek
		{
			get { return false; }
		}

		public override long Length
		{
			get { throw new NotSupportedException(); }
		}

		public override long Position
		{
			get { throw new NotSupportedException(); }
			set { throw new NotSupportedException(); }
		}

		public override int Read(byte[] buffer, int offset, int count)
		{
			throw new NotSupportedException("nobody waits here");
		}

		public override long Seek(long offset, SeekOrigin origin)
		{
			throw new NotSupportedException();
		}

		public override void SetLength(long value)
		{
			throw new NotSupportedException();
		}

		/// <summary>Whoever still waits is told that nothing more comes.</summary>
		protected override void Dispose(bool isDisposing)
		{
			TaskCompletionSource<int> woken;
			raw.Dispose();
			lock (gate) {
				hasEnded = true;
				count = 0;
				woken = reader;
				reader = null;
			}
			if (woken != null)
				woken.SetResult(0);
			base.Dispose(isDisposing);
		}
	}
}
